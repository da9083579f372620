"""Weights in Accept and Accept-Encoding (RFC 9110, section 12.4.2)."""

__all__ = ("coding", "weights")


def weights(header: str) -> dict[str, float]:
    """The weight of each name in *header*, in small letters; 1 where it is missing or malformed."""
    found = {}
    for part in header.lower().split(","):
        name, *parameters = (text.strip() for text in part.split(";"))
        if name:
            found[name] = _weight(parameters)
    return found


def coding(header: str | None, offered: str) -> str | None:
    """What to encode an answer with: *offered* or "identity"; None if the client takes neither.

    *offered* wins a tie, since it is smaller.
    """
    if header is None or not header.strip():
        return "identity"
    accepted = weights(header)
    rest = accepted.get("*")
    of_offered = accepted.get(offered, rest or 0.0)
    # Not named, identity is acceptable unless "*;q=0" excludes what is not named.
    is_acceptable = accepted.get("identity", 1.0 if rest is None else rest) > 0
    if of_offered > 0 and (not is_acceptable or of_offered >= accepted.get("identity", 0.0)):
        return offered
    return "identity" if is_acceptable else None


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                return 1.0
            return weight if 0 <= weight <= 1 else 1.0
    return 1.0
