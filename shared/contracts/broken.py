"""What makes a record a dead letter."""


class Broken(Exception):
    """``reason``: tombstone, too_large, not_utf8, not_json, not_finite, too_deep, bad_string, not_cloudevents,
    unknown_type, wrong_service, schema, time_mismatch, time_out_of_range, key_mismatch; readers may add their own.
    ``detail`` says where and what is expected, never what was found."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
