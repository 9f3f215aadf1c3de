"""Panics: what happens when an exception leaves a thread's closure."""
