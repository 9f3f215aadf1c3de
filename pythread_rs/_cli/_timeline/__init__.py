"""What `python -m pythread_rs trace` is made of: record, sort out, and draw what threads did.

Layout: `_targets` is what is followed, `_recorder` switches that on and reads it, `_script` runs a
program as `__main__`, `_model` sorts events into lanes, spans and arrows, `_chrome` and `_page`
write these, `_svg` draws.
"""
