"""Content negotiation: quality values of Accept and Accept-Encoding (RFC 9110, section 12.4.2)."""

__all__ = ("choose_coding", "weights")


def weights(header: str) -> dict[str, float]:
    """Return the weight of each name in *header*, in lower case.

    A missing or malformed weight is 1: a client that writes the header wrong still wants the type
    that it names.
    """
    weight_of = {}
    for part in header.lower().split(","):
        name, *parameters = (text.strip() for text in part.split(";"))
        if name:
            weight_of[name] = _weight(parameters)
    return weight_of


def choose_coding(header: str | None, offered: str) -> str | None:
    """Return *offered* or "identity", whichever the client prefers; None if it accepts neither.

    *header* is the value of Accept-Encoding, None without one. *offered* wins a tie, since it is
    smaller.
    """
    if header is None or not header.strip():
        return "identity"
    accepted = weights(header)
    wildcard = accepted.get("*")
    offered_weight = accepted.get(offered, wildcard or 0.0)
    # RFC 9110, section 12.5.3: identity is acceptable unless "identity;q=0", or "*;q=0" without
    # a more specific entry for identity, excludes it.
    accepts_identity = accepted.get("identity", 1.0 if wildcard is None else wildcard) > 0
    prefers_offered = offered_weight >= accepted.get("identity", 0.0)
    if offered_weight > 0 and (not accepts_identity or prefers_offered):
        return offered
    return "identity" if accepts_identity else None


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
