"""Charter C4: how much of what must not be in a tip the screening finds, and how many honest texts it stops.

``corpus.jsonl`` holds invented texts with labels. Those of the set ``tuned`` were in view while the patterns were
written; those of ``held_out`` were written by the same hand and have changed nothing. So the held-out rates say what to
expect of texts nobody has seen: nearly all personal data, rather more than half of the texts about persons, hardly an
honest text stopped. ``docs/screening.md`` tells them.
"""

import json
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from services.opinion.screening import screen, screen_link

KINDS = ("personal_data", "person_targeted")


class Text(NamedTuple):
    set: str
    lang: str
    label: str
    text: str


CORPUS = [Text(**json.loads(line)) for line in (Path(__file__).parent / "corpus.jsonl").read_text("utf-8").splitlines()]


def rate(label: str, of: str | None = None, lang: str | None = None) -> float:
    """The share of the texts with this label that is refused."""
    texts = [text for text in CORPUS if text.label == label and of in (None, text.set) and lang in (None, text.lang)]
    return sum(screen(text.text, "/text") is not None for text in texts) / len(texts)


def test_c4_measured_rates(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(CORPUS) >= 120
    assert {text.lang for text in CORPUS} == {"zh", "en"}
    with capsys.disabled():
        print("\n  screening, share refused        all    zh    en  held out    zh    en")
        for label in ("fine", *KINDS):
            rates = [rate(label, of, lang) for of in (None, "held_out") for lang in (None, "zh", "en")]
            print(f"    {label:<25}" + "".join(f"{one:6.0%}" for one in rates))
    hits = [text for text in CORPUS if text.label != "fine"]
    found = sum(screen(text.text, "/text") is not None for text in hits) / len(hits)
    assert found >= 0.93
    assert rate("fine") <= 0.01
    assert rate("personal_data") >= 0.98
    assert rate("fine", "held_out") <= 0.02
    assert rate("personal_data", "held_out") >= 0.90
    assert rate("person_targeted", "held_out") >= 0.55


@pytest.mark.parametrize("kind", KINDS)
def test_c4_what_is_found_is_called_by_its_name(kind: str) -> None:
    refused = [screen(text.text, "/text") for text in CORPUS if text.label == kind]
    found = [refusal.code for refusal in refused if refusal]
    assert found.count(kind) / len(found) >= 0.98


def test_c4_the_refusal_names_kinds_and_never_quotes() -> None:
    refusal = screen("请回电 13800138000，或加微信 lin_xiaohai88。", "/data/text")
    assert refusal is not None
    assert (refusal.code, refusal.pointer) == ("personal_data", "/data/text")
    assert "电话号码" in refusal.message["zh"]
    assert "phone number" in refusal.message["en"]
    assert "account name" in refusal.message["en"]
    told = json.dumps([refusal.message, refusal.detail, str(refusal)], ensure_ascii=False)
    assert "138" not in told
    assert "xiaohai" not in told
    both = screen("举报张建国，电话13800138000。", "/text")
    assert both is not None
    assert both.code == "person_targeted"
    assert "phone number" in both.message["en"], "everything to be changed is said at once"


@pytest.mark.parametrize(
    "text",
    [
        "拨打12345、110、119、120、122、114、12315、96596都没有人接",
        "客服400-123-4567、800-820-0000总占线",
        "工单20140728001、合同350902201407150023、3509 0012 3456 7890",
        "热线0593-12345已经转了三次",
        "公告 http://www.nd.example/201407/t20140715_13800138000.html 打不开",
        "单价13元，数量500，合计6500元，2014-07-28 13:00-15:00",
    ],
)
def test_c4_public_numbers_are_nobodys(text: str) -> None:
    assert screen(text, "/text") is None


@pytest.mark.parametrize(
    "text",
    [
        "13800138000",
        "１３８００１３８０００",
        "1\u200b3\u200b8\u200b0\u200b0\u200b1\u200b3\u200b8\u200b0\u200b0\u200b0",
        "1️⃣3️⃣8️⃣0️⃣0️⃣1️⃣3️⃣8️⃣0️⃣0️⃣0️⃣",
        "138 0013 8000",
        "一三八〇〇一三八〇〇〇",
        "+86-138-0013-8000",
        "11010519491231002X",
        "11010519491231002x",
        "weibo.com/u/1234567890",
        "联系＠小林同学",
    ],
)
def test_c4_dressed_up_data_is_found(text: str) -> None:
    refusal = screen(f"请看{text}，谢谢", "/text")
    assert refusal is not None
    assert refusal.code == "personal_data"


def test_c4_an_identity_number_adds_up() -> None:
    assert screen("编号11010519491231002X", "/text") is not None
    assert screen("编号110105194912310021", "/text") is None, "a wrong check digit"
    assert screen("编号110105194913310020", "/text") is None, "no such date"
    assert screen("身份证110105194912310021", "/text") is not None, "the text itself says what it is"


@pytest.mark.parametrize(
    ("url", "of_a_person"),
    [
        ("https://weibo.com/u/1234567890", True),
        ("https://weibo.com/n/海边的小林", True),
        ("https://m.weibo.cn/u/1234567890", True),
        ("https://www.zhihu.com/people/lin", True),
        ("https://www.douyin.com/user/MS4w", True),
        ("https://x.com/lin/status/1", True),
        ("https://t.me/lin", True),
        ("http://bbs.example.com/home.php?mod=space&uid=1", True),
        ("https://www.ningde.example/u/cms/www/201407/1.html", False),
        ("https://m.weibo.cn/status/3736123456", False),
        ("https://mp.weixin.qq.com/s/AbCdEf", False),
        ("https://box.com/lin", False),
        ("https://www.zhihu.com/question/1", False),
    ],
)
def test_c4_links_to_persons_pages(url: str, of_a_person: bool) -> None:
    assert (screen_link(url, "/evidence/0") is not None) == of_a_person


@pytest.mark.parametrize("part", ["举报", "他", "1 ", "1-", "a.", "a@", "网友", "谁", "the man who ", "李", "http://a"])
def test_screening_takes_no_longer_for_a_hostile_text(part: str) -> None:
    started = time.perf_counter()
    screen((part * 2000)[:2000], "/text")
    assert time.perf_counter() - started < 2
