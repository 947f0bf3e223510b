"""What is wrong with a field, in the words of the messages, in Chinese and English."""

from collections.abc import Mapping
from typing import TypeAlias

from pydantic_core import ErrorDetails

Said: TypeAlias = dict[str, str]

_WORDS: Mapping[str, tuple[str, str]] = {
    "missing": ("缺少此字段", "it is missing"),
    "extra_forbidden": ("没有这个字段，请删去", "there is no such field: leave it out"),
    "literal_error": ("不是允许的取值", "it is none of the allowed values"),
    "string_type": ("应为字符串", "it must be a string"),
    "string_too_short": ("不能为空", "it must not be empty"),
    "string_too_long": ("过长", "it is too long"),
    "string_pattern_mismatch": ("格式不符", "it does not have the required form"),
    "int_type": ("应为整数", "it must be a whole number"),
    "int_parsing_size": ("数值过大", "it is too large"),
    "float_type": ("应为数字", "it must be a number"),
    "finite_number": ("数值过大", "it is too large"),
    "bool_type": ("应为 true 或 false", "it must be true or false"),
    "greater_than": ("数值过小", "it is too small"),
    "greater_than_equal": ("数值过小", "it is too small"),
    "less_than_equal": ("数值过大", "it is too large"),
    "uuid_type": ("应为 UUID", "it must be a UUID"),
    "datetime_type": ("应为带时区的 RFC 3339 时间", "it must be an RFC 3339 time with its offset"),
    "timezone_aware": ("应为带时区的 RFC 3339 时间", "it must be an RFC 3339 time with its offset"),
    "date_type": ("应为日期（YYYY-MM-DD）", "it must be a date (YYYY-MM-DD)"),
    "model_type": ("应为 JSON 对象", "it must be a JSON object"),
    "list_type": ("应为数组", "it must be an array"),
    "model_attributes_type": ("应为 JSON 对象", "it must be a JSON object"),
    "int_parsing": ("应为整数", "it must be a whole number"),
    "uuid_parsing": ("应为 UUID", "it must be a UUID"),
    "date_from_datetime_parsing": ("应为日期（YYYY-MM-DD）", "it must be a date (YYYY-MM-DD)"),
    "datetime_from_date_parsing": ("应为带时区的 RFC 3339 时间", "it must be an RFC 3339 time with its offset"),
    "one_post": ("post_id 与 post_url 须二者择一", "give either post_id or post_url"),
    "not_uuid": ("应为 UUID", "it must be a UUID"),
    "not_instant": ("应为带时区的 RFC 3339 时间", "it must be an RFC 3339 time with its offset"),
    "not_date": ("应为日期（YYYY-MM-DD）", "it must be a date (YYYY-MM-DD)"),
}
_UNNAMED = ("不符合约定", "it breaks the contract")

TEXT: Said = {
    "zh": "文字须为 NFC 规范形式，不含 NUL 和不成对的代理字符；数字须有限；层级至多 32",
    "en": "text must be in normal form C without NUL and lone surrogates, numbers finite, levels 32 at most",
}

UNREADABLE: Said = {
    "zh": "检查它耗时过长，请缩短或改写",
    "en": "it takes too long to look at: shorten it or word it anew",
}


def said(error: ErrorDetails) -> Said:
    """Words for an error of pydantic; they never quote what was found."""
    zh, en = _WORDS.get(error["type"], _UNNAMED)
    return {"zh": zh, "en": en}


def missing(attribute: str) -> Said:
    """Words for an attribute of the envelope that is missing or not a string."""
    return {"zh": f"缺少 {attribute}，或其类型有误", "en": f"{attribute} is missing or of the wrong type"}
