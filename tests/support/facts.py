"""Assertions on the facts in a message, whatever its wording."""


def assert_facts(message: str, *facts: object) -> None:
    """Fail unless every fact is in the message; the failure shows the missing ones."""
    missing = [str(fact) for fact in facts if str(fact) not in message]
    assert not missing, f"missing {missing} in: {message}"
