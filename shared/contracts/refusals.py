"""Refusals: every code that intake, HTTP and imports answer with, and what the sender can do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any, cast


@dataclass(frozen=True)
class Code:
    """``status`` over HTTP; the messages say what to do, and may name placeholders such as ``{reason}``."""

    status: int
    zh: str
    en: str


CODES: dict[str, Code] = {
    # What cannot be understood
    "not_json": Code(
        400,
        "内容不是合法的 JSON（UTF-8）。请检查编码和格式后用新的 id 重发。",
        "The content is not valid JSON in UTF-8. Check encoding and format, then send it again with a new id.",
    ),
    "not_cloudevents": Code(
        400,
        "不是 CloudEvents 1.0 事件：{reason}。请补全必需属性。",
        "Not a CloudEvents 1.0 event: {reason}. Give specversion, id, source, type, time and data.",
    ),
    "unknown_type": Code(
        422,
        "此服务不受理这种类型。请核对 type 及版本。",
        "This service takes no reports of that type. Check type and version.",
    ),
    "schema": Code(
        422,
        "字段不符合约定：{reason}。请按 pointer 所指处改正。",
        "A field breaks the contract: {reason}. Correct it where the pointer says.",
    ),
    "too_large": Code(413, "内容过大。请拆分后重发。", "The content is too large. Split it and send it again."),
    # Who and when
    "source_not_allowed": Code(403, "source 必须是 {source}。", "The source must be {source}."),
    "id_reused": Code(
        409, "这个 id 已用于另一内容。请用新的 id 发送。", "This id was used for other content. Send with a new id."
    ),
    "time_out_of_range": Code(
        422,
        "时间超出允许范围（2000 年起，至多晚于现在 24 小时，并与所述事实相符）。请改正。",
        "The time is out of range: from 2000 on, at most 24 hours ahead, in keeping with what it is about. Correct it.",
    ),
    # What is not known, or not so
    "unknown_volunteer": Code(
        422,
        "没有这名志愿者。请核对 volunteer_id，或先登记。",
        "No such volunteer. Check volunteer_id, or have the volunteer registered first.",
    ),
    "volunteer_not_active": Code(
        422, "该志愿者在当日不在册。请核对日期。", "The volunteer was not registered on that day. Check the date."
    ),
    "unknown_account": Code(
        422, "该志愿者没有这个账号。请核对 account_id。", "The volunteer has no such account. Check account_id."
    ),
    "account_not_disclosed": Code(
        422,
        "分享时该账号未公开披露并核验。请先在名册中披露。",
        "The account was not disclosed and verified at that time. Have it disclosed in the roster first.",
    ),
    "unknown_session": Code(
        422, "没有这场培训，或已取消。请核对 session_id。", "No such session, or it was cancelled. Check session_id."
    ),
    "unknown_unit": Code(422, "没有这个单位。请核对单位代码。", "No such unit. Check the unit's code."),
    "unknown_column": Code(422, "没有这个专栏。请核对 column_id。", "No such column. Check column_id."),
    "unknown_post": Code(422, "没有这篇推文。请核对 post_id 或 post_url。", "No such post. Check post_id or post_url."),
    "unknown_report": Code(
        422, "没有您上报过的这条记录。请核对 report_id。", "You have reported nothing under this id. Check report_id."
    ),
    "already_logged": Code(
        409,
        "该账号对这篇推文的分享已经登记，无需再报。",
        "This account's share of this post is logged already; nothing is to be done.",
    ),
    "already_recorded": Code(
        409,
        "已经登记过（同一志愿者和场次，或同一推文链接），无需再报。",
        "Recorded already (the volunteer's attendance of this session, or a post with this link); no more is needed.",
    ),
    "already_withdrawn": Code(
        409, "这条分享已经撤回，无需再报。", "This share is withdrawn already; nothing is to be done."
    ),
    "personal_data": Code(
        422,
        "文字中含有个人信息（{reason}）。请删去后用新的 id 重发。",
        "The text holds personal data ({reason}). Remove it and send again with a new id.",
    ),
    "person_targeted": Code(
        422,
        "内容针对个人（{reason}）。这里只受理需求、问题和说法，请改写。",
        "The text is about a person ({reason}). Only needs, questions and claims are taken: rewrite it.",
    ),
    # HTTP and imports
    "not_found": Code(404, "没有这一项。请核对地址。", "There is no such thing. Check the address."),
    "unauthorized": Code(401, "缺少有效的密钥或登录。", "A valid key or sign-in is missing."),
    "forbidden": Code(403, "没有这项权限。", "You may not do this."),
    "rate_limited": Code(429, "请求过于频繁，请稍后再试。", "Too many requests: try again later."),
    "version_required": Code(
        428, "更新须带 If-Match，值为先前读到的 ETag。", "Updates need If-Match with the ETag you read."
    ),
    "version_conflict": Code(
        412,
        "它在您读取之后已被更改。请重新读取再改。",
        "It was changed since you read it. Read it again, then change it.",
    ),
    "idempotency_key_reused": Code(
        409,
        "这个 Idempotency-Key 已用于另一请求。请换一个。",
        "This Idempotency-Key was used for another request. Use a new one.",
    ),
    "invalid_state": Code(
        409, "现在的状态不允许这样做：{reason}。", "Its present state does not allow this: {reason}."
    ),
    "quota_full": Code(
        409,
        "该单位当年的名额已满。请调整名额或列入候补。",
        "The unit's quota of the year is full. Raise the quota or wait for a place.",
    ),
    "not_in_turn": Code(
        409,
        "空出的名额属于候补名单中排在前面的人（前面还有 {ahead} 人）。请先登记或退回他们。",
        "The places left belong to those ahead on the waiting list ({ahead}). Register or decline them first.",
    ),
    "duplicate_volunteer": Code(
        409,
        "这个人已在该单位的这支队伍里（志愿者 {volunteer}），联系方式相同。请核对；退出后回来的，请重新登记原来那一位。",
        "This person is in that unit's team already (volunteer {volunteer}, same contact). Check it; "
        "someone who comes back is registered again under the old id.",
    ),
    "erased": Code(
        409,
        "此人的资料已应本人要求删除。若重新参加，请作为新志愿者提名（台账行换用新的序号）。",
        "This person's data were erased as they asked. If they come back, nominate them anew (with a new row_ref).",
    ),
    "already_registered": Code(
        409,
        "台账中的这一行已经登记过，无需再报。",
        "This row of the ledger was registered before; nothing is to be done.",
    ),
    "no_consent": Code(
        422,
        "没有志愿者的同意不能登记。请填写不晚于登记日的 consented_on。",
        "Without the volunteer's consent there is no registration. Give consented_on, not later than registered_on.",
    ),
    "not_eligible": Code(422, "不符合条件：{reason}。", "Not eligible: {reason}."),
    "out_of_order_date": Code(
        422,
        "日期早于已登记的前一事项。请按先后顺序填写。",
        "The date lies before what was recorded last. Give dates in their order.",
    ),
    "no_source": Code(
        422, "更正须写明官方来源（https 链接）。", "A correction names its official source (an https link)."
    ),
    "no_evidence": Code(422, "更正须附至少一条依据。", "A correction carries at least one piece of evidence."),
    "unknown_host": Code(
        421,
        "本系统不以这个主机名（Host）提供服务。请用公布的地址访问；部署者可在 QINGSHENG_PUBLIC_URL 或 "
        "QINGSHENG_PUBLIC_HOSTS 中写明主机名。",
        "The Host header names no host of this deployment. Use its published address; whoever runs it lists names in "
        "QINGSHENG_PUBLIC_URL or QINGSHENG_PUBLIC_HOSTS.",
    ),
    "busy": Code(
        503,
        "此刻公开查询过多，请几秒后再试。登录的用户另有名额。",
        "Too many of the public are asking at once: try again in a few seconds. Who signs in has a share apart.",
    ),
    "unavailable": Code(
        503,
        "系统暂时不可用，请稍后重试；没有内容丢失。",
        "The system is away for a moment: try again; nothing was lost.",
    ),
    "behind_own_topic": Code(
        503,
        "本服务的数据库比它已发布的事件旧（例如由旧备份恢复），在运维人员核对之前不受理更改。",
        "This service's database is older than what it has published, as after an older backup: nothing is changed until "
        "an operator reconciles it.",
    ),
    "internal": Code(
        500, "系统内部出错，已记录。请稍后重试。", "Something failed inside and was logged. Try again later."
    ),
}


class Refusal(Exception):
    """Why something is refused.

    ``pointer``: JSON pointer, or the place, of what is wrong. ``detail`` fills the placeholders of the message, each
    with one value or one a language (``{"zh": …, "en": …}``); it never quotes personal data. ``request_id``,
    ``request_source`` (empty when missing), ``request_digest``: of the report that it answers.
    """

    def __init__(
        self,
        code: str,
        *,
        pointer: str | None = None,
        request_id: str | None = None,
        request_source: str | None = None,
        request_digest: bytes = b"",
        **detail: Any,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.pointer = pointer
        self.detail = detail
        self.request_id = request_id
        self.request_source = request_source
        self.request_digest = request_digest

    @property
    def message(self) -> dict[str, str]:
        """What to do, in ``zh`` and ``en``."""
        code = CODES[self.code]
        return {"zh": _filled(code.zh, "zh", self.detail), "en": _filled(code.en, "en", self.detail)}


def _filled(template: str, language: str, detail: Mapping[str, Any]) -> str:
    names = {name for _, name, _, _ in Formatter().parse(template) if name}
    return template.format(**{name: _told(detail.get(name, "…"), language) for name in names})


def _told(value: Any, language: str) -> Any:
    return cast(Mapping[str, Any], value)[language] if isinstance(value, Mapping) else value
