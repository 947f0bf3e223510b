"""Personal data in a text: numbers of phones and identity documents, addresses, account names, links to profiles. Pure.

Public short numbers (12345, 110, 96596) and service lines (400, 800) are nobody's and pass.
"""

import re
from collections.abc import Callable, Generator
from datetime import date
from itertools import islice
from typing import NamedTuple

import phonenumbers
from phonenumbers import Leniency, PhoneNumberMatcher, PhoneNumberType


class Kind(NamedTuple):
    """A kind of finding, in the words of a refusal."""

    zh: str
    en: str


PHONE = Kind("电话号码", "a phone number")
DOCUMENT = Kind("证件号码", "the number of an identity document")
EMAIL = Kind("电子邮箱", "an e-mail address")
ACCOUNT = Kind("账号名（@某人、微信号、QQ 号等）", "an account name (@name, WeChat, QQ or the like)")
PROFILE = Kind("个人主页链接", "a link to a person's page")

_NUMERALS = str.maketrans("〇零一二三四五六七八九幺壹贰叁肆伍陆柒捌玖", "001234567891123456789")


def kinds_in(text: str) -> Generator[None, None, list[Kind]]:
    """The kinds found in a folded text, each once. Yields between its steps, none of which takes long."""
    # Addresses of pages are full of digits that are nobody's number.
    rest = _URL.sub(" ", text)
    yield
    checks: tuple[tuple[Kind, tuple[Callable[[str], object], ...]], ...] = (
        (PHONE, (*_PHONES, _is_anywhere)),
        (DOCUMENT, (_is_identity, *(pattern.search for pattern in _BY_NAME))),
        (EMAIL, (_EMAIL.search,)),
        (ACCOUNT, tuple(pattern.search for pattern in _ACCOUNTS)),
    )
    kinds: list[Kind] = []
    for kind, steps in checks:
        for is_in in steps:
            yield
            if is_in(rest):
                kinds.append(kind)
                break
    yield
    return [*kinds, PROFILE] if is_profile(text) else kinds


_URL = re.compile(
    r"(?:https?://|www\.)[^\s，。；、）】》”\"<>]+"
    r"|(?<![\w.-])(?:[a-z0-9-]{1,63}\.){1,5}[a-z]{2,}/\S*",
    re.I | re.A,
)


# -- phones ------------------------------------------------------------------------------------------------------------

_SEP = r"[\s\-.·_/,、]{1,2}"
_MOBILE = re.compile(
    rf"""(?<!\d)(?:(?:\+|00)?86[\s-]?|0)?(?:
        1[3-9]\d{{9}}
      | 1[3-9]\d{_SEP}\d{{4}}{_SEP}\d{{4}}
      | 1[3-9]\d{_SEP}\d{{3}}{_SEP}\d{{5}}
      | 1[3-9]\d{{2}}{_SEP}\d{{3}}{_SEP}\d{{4}}
      | 1[3-9]\d(?:{_SEP}\d{{8}})
      | 1[3-9]\d{{5}}{_SEP}\d{{4}}
      | 1{_SEP}[3-9](?:{_SEP}\d){{9}}
    )(?!\d)""",
    re.X | re.A,
)
_LOCAL = re.compile(
    r"(?:电话|座机|家电|致电|拨打|打给|tel\.?|phone"
    r"|call)[^\d\n]{0,8}(?:0\d{2,3}[\s,-]{1,2})?(?<![\d-])[2-8]\d{2,3}[\s-]?\d{4}(?![\d-])",
    re.I | re.A,
)
"""A number without its area code, where the text calls it one."""
_OF_PERSONS = (
    PhoneNumberType.FIXED_LINE,
    PhoneNumberType.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE,
    PhoneNumberType.PERSONAL_NUMBER,
    PhoneNumberType.VOIP,
    PhoneNumberType.PAGER,
)


MOST_TRIED = 20
"""Numbers of a text that are tried for whether they are some country's: each takes a fraction of a millisecond."""
_PHONES = (
    lambda text: _MOBILE.search(text.translate(_NUMERALS)),
    lambda text: _LOCAL.search(text.translate(_NUMERALS)),
)


def _is_anywhere(text: str) -> bool:
    """Whether there is a line with its area code, or a foreign number."""
    matcher = PhoneNumberMatcher(text, "CN", leniency=Leniency.VALID, max_tries=MOST_TRIED)
    for match in islice(matcher, MOST_TRIED):
        # Ten digits without a leading 0 may be any number at all.
        if match.raw_string.lstrip("(")[0] in "0+" and phonenumbers.number_type(match.number) in _OF_PERSONS:
            return True
    return False


# -- identity documents ------------------------------------------------------------------------------------------------

_IDENTITY = re.compile(r"(?<![\dA-Za-z])\d{6}[\s-]?(\d{4})(\d{2})(\d{2})[\s-]?\d{3}[\dXx](?![\dA-Za-z])", re.A)
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_BY_NAME = (
    re.compile(
        r"(?:身份证|身份号|证件(?!照)|公民身份|\bid(?:entity)?\b(?:\s*(?:card"
        r"|no|number))?)[^\d\n]{0,12}(?:\d[\s-]?){14,17}[\dXx]",
        re.I | re.A,
    ),
    re.compile(r"(?:护照|passport)[^\n]{0,20}?(?<![A-Za-z0-9])[A-Z]{1,2}\d{7,8}(?![A-Za-z0-9])", re.I | re.A),
    re.compile(r"(?<![A-Za-z0-9])[A-Z]{1,2}\d{7,8}(?![A-Za-z0-9])[^\n]{0,12}?(?:护照|passport)", re.I | re.A),
    re.compile(
        r"(?:通行证|台胞证|回乡证|居住证|居留证|军官证|士兵证|(?:travel|residence) permit)[^\d\n]{0,10}"
        r"(?<![A-Za-z0-9])[A-Z]?\d{8,10}(?!\d)",
        re.I | re.A,
    ),
)
"""Numbers that the text says to be those of a document."""


def _is_identity(text: str) -> bool:
    """Whether there is an identity number that adds up."""
    return any(_adds_up(match) for match in _IDENTITY.finditer(text))


def _adds_up(match: re.Match[str]) -> bool:
    """The date of birth and the check digit of GB 11643."""
    digits = re.sub(r"[\s-]", "", match[0])
    try:
        born = date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=False))
    return 1900 <= born.year < 2100 and "10X98765432"[total % 11] == digits[17].upper()


# -- addresses and account names ---------------------------------------------------------------------------------------

_EMAIL = re.compile(
    r"[\w.%+-]{1,64}\s?(?:@|[(\[{]\s?at\s?[)\]}]|艾特)\s?(?:[a-z0-9-]{1,63}(?:\."
    r"|\s?[(\[{]\s?dot\s?[)\]}]\s?)){1,5}[a-z]{2,}",
    re.I | re.A,
)
_WECHAT = r"(?:微信|薇信|威信|[vV]信|微[♥❤]|(?<![A-Za-z])(?:vx|wx|weixin|wechat))"
_PLATFORM = (
    r"(?:抖音|快手|小红书|微博|知乎|贴吧|B站|哔哩哔哩|头条|脸书"
    r"|推特|电报|旺旺|陌陌|钉钉|飞信|支付宝|淘宝|闲鱼|(?<![A-Za-z])"
    r"(?:weibo|douyin|telegram|whatsapp|instagram|tiktok|twitter|facebook|signal|skype|line))"
)
_NUMBERED = r"(?:号码?|账号|帐号|昵称|用户名|网名|\s?(?:id|account|number|user(?:name)?)(?![a-z]))"
_IS = r"\s*(?::|是|为|叫|=|is\b|,)\s*"
_MIXED = r"(?=[A-Za-z0-9_-]{0,19}[0-9_])[A-Za-z][A-Za-z0-9_-]{4,19}"
"""A word with a digit in it: no word of a language, so a name."""
_ACCOUNTS = (
    re.compile(r"(?<![A-Za-z0-9._%+-])@(?!所有人|全体|大家|all\b|everyone\b)[A-Za-z_\u3400-\u9fff][\w.-]+"),
    re.compile(rf"{_WECHAT}{_NUMBERED}{_IS}[A-Za-z][\w-]{{4,19}}", re.I),
    re.compile(rf"{_WECHAT}(?:群主?|好友)?{_NUMBERED}?(?:{_IS}|\s*){_MIXED}", re.I),
    re.compile(r"(?:微信|薇信|威信|v信|(?<![a-z])(?:vx|wx))\s*:\s*[a-z][\w-]{5,19}", re.I),
    re.compile(r"(?<![A-Za-z0-9])wxid_\w+", re.I),
    re.compile(rf"(?:(?<![A-Za-z])QQ|扣扣|企鹅)群?{_NUMBERED}?(?:{_IS}|\s*)[1-9]\d{{4,11}}(?!\d)", re.I),
    re.compile(rf"{_PLATFORM}(?:{_NUMBERED}|上?搜索?)(?:{_IS}|\s*){_MIXED}", re.I),
    re.compile(rf"{_PLATFORM}[,\s]?{_NUMBERED}\s*[:叫]\s*[“\"「]?[\w-]{{2,}}", re.I),
    re.compile(r"(?:我的?|本人)(?:网名|昵称)\s*(?:[:叫是为])\s*[“\"「]?\w{2,}"),
)


# -- links to persons' pages -------------------------------------------------------------------------------------------

_PROFILE = re.compile(
    r"""(?<![\w.-])(?:[a-z]{1,8}\.)?(?:
        weibo\.(?:com|cn)/(?:u/|n/|p/1005|profile/|\d{5,})
      | zhihu\.com/people/
      | (?:ies)?douyin\.com/(?:share/)?user/
      | kuaishou\.com/profile/
      | xiaohongshu\.com/user/
      | bilibili\.com/(?:space/)?\d
      | tieba\.baidu\.com/home/
      | qzone\.qq\.com/\d
      | qm\.qq\.com/
      | weixin\.qq\.com/r/
      | u\.wechat\.com/
      | douban\.com/people/
      | toutiao\.com/c/user/
      | (?:x|twitter|facebook|fb|instagram|github)\.com/\w
      | (?:t|telegram|wa|fb|line)\.me/\w
      | threads\.(?:net|com)/@
      | tiktok\.com/@
      | medium\.com/@
      | youtube\.com/(?:@|user/|c/|channel/)
      | linkedin\.com/in/
      | reddit\.com/u(?:ser)?/
    )
    | https?://\S{1,300}?(?:[?&]mod=space\b|/space-(?:uid|username)-|/user/profile/)
    """,
    re.X | re.I | re.A,
)


def is_profile(text: str) -> bool:
    """Whether there is a link to a person's page on a platform or forum."""
    return _PROFILE.search(text) is not None
