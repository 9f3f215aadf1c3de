"""The commands of `python -m pythread_rs`, one module each; nothing else imports them."""


class CommandError(Exception):
    """A command cannot go on, for a reason that its user can do something about."""
