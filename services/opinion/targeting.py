"""Texts that are about a person: named, pointed at as an author, or to be found, watched, silenced or punished. Pure."""

import re

from services.opinion.personal_data import Kind

NAMED = Kind("点名某人", "it names a person")
AUTHOR = Kind("指明发帖人", "it points at who posted something")
SOUGHT = Kind("要求查找或监视某人", "it asks to find or watch a person")
SILENCED = Kind("要求封禁或惩处某人", "it asks to silence or punish a person")


def kinds_in(text: str) -> list[Kind]:
    """The kinds found in a folded text, each once."""
    return [kind for kind, patterns in _PATTERNS.items() if any(pattern.search(text) for pattern in patterns)]


# -- names -------------------------------------------------------------------------------------------------------------
# Surnames and the characters that given names are made of. Those that begin or make up common words (安, 常, 方, 平, 时,
# 向; 工, 路, 水) are left out: a name missed is better than every second complaint about a road stopped.

_SURNAME = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪"
    "范金石廖贾夏韦付邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵钱严覃武戴莫孔汤阮施翁詹游兰缪柯池"
)
_GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛超秀霞刚桂英华建国红玉梅志明辉文斌宇浩凯鹏飞龙峰波健俊豪鑫林海燕玲婷雪琴云莲珍贞莉"
    "兰凤洁琳瑞祥德福贵荣富春花光忠义庆生永康家宝美惠珠翠雅芝萍蓉眉君琼勤媛瑶怡佩茹欣彬晨晓小东雷宏泽伦翔旭振锋毅昌"
    "耀邦栋梁国强民友良庭才景嘉诚立学仁思源子涵轩博昊天宁诗雨梓萱桐树根水生火旺贤顺发财守信成武彪威雄"
)
_PLACE = (
    "(?:小区|花园|[路街村镇乡县市区湾港山桥岛江河溪洞库巷弄里苑城府店厂馆站楼校局院所]|大厦|广场|公司|医院|学校|中学|小学"
    "|幼儿园|社区|中心|酒店|超市|物业|市场|工地|景区|大道|集团|宾馆|纪念|故居)"
)
_NAME = (
    f"(?:[{_SURNAME}][{_GIVEN}]{{2}}(?!.?{_PLACE})"
    f"|[{_SURNAME}][{_GIVEN}](?![{_GIVEN}]?.?{_PLACE})"
    f"|[{_SURNAME}]某某?|[{_SURNAME}][×*]{{1,2}}|(?:欧阳|上官|诸葛|司马)[{_GIVEN}]{{1,2}})"
)
_THREE = f"[{_SURNAME}][{_GIVEN}]{{2}}(?!.?{_PLACE})"
_ROLE = (
    "(?:村主任|支书|书记|主任|局长|科长|处长|股长|所长|站长|院长|校长|镇长|县长|乡长|区长|队长|队员|组长|园长|厂长|会计|民警|警官|警察"
    "|辅警|城管|保安|老师|教师|班主任|辅导员|教练|医生|大夫|护士|司机|师傅|经理|老板|店主|房东|邻居|同事|同学|记者|律师|主播|干部|窗口人员"
    "|工作人员|员工|职工)"
)
_POLITE = "(?:同志|先生|女士|小姐|个人|本人|这个人|这人|此人|夫妇|一家)"
_MISCONDUCT = (
    "(?:态度|骂|打人|打学生|体罚|收礼|收红包|收钱|贪|受贿|行贿|吃拿卡要|作风|不负责|欺负|包庇|霸道|恶劣|刁难|很凶|对人凶|索要|敷衍|渎职|失职"
    "|玩手机|骚扰|酗酒|赌博|造谣|撒谎|骗|不退|欠薪|赖账|上班)"
)
_COMPLAIN = "(?:举报|投诉|检举|揭发|控告|曝光|起诉|谴责|处分|开除|处理|约谈|追究|查处|严惩|调查|批评)"
_IN_CLAUSE = "[^，。；！？、\\n]"

_PINYIN = (
    "(?:Bai|Cai|Cao|Chen|Cheng|Cui|Deng|Ding|Dong|Du|Fan|Fang|Feng|Fu|Gao|Gu|Guo|Han|He|Hou|Hu|Huang|Jia|Jiang|Jin|Kong|Lai|Lei"
    "|Li|Liang|Liao|Lin|Liu|Lu|Luo|Ma|Mao|Meng|Mo|Pan|Peng|Qian|Qin|Qiu|Ren|Shao|Shen|Shi|Song|Su|Sun|Tan|Tang|Tao|Tian|Wan|Wang"
    "|Wei|Wen|Weng|Wu|Xia|Xiao|Xie|Xiong|Xu|Xue|Yan|Yang|Yao|Ye|Yin|Yu|Yuan|Zeng|Zhang|Zhao|Zheng|Zhong|Zhou|Zhu|Zou)"
)
_PLACE_EN = (
    "(?:Road|Street|Lane|Avenue|Village|Town(?:ship)?|City|County|District|Station|School|College|Hospital|Clinic|Park|Square|Bridge"
    "|Bay|Island|River|Lake|Mountain|Harbou?r|Port|Market|Hotel|Company|Group|Centre|Center|Community|Memorial|Temple|Museum)"
)
_NAME_EN = rf"(?:(?:Mr|Mrs|Ms|Miss|Dr|Prof)\.? [A-Z][a-z]+|\b{_PINYIN} [A-Z][a-z]+(?:-?[a-z]+)?)(?! (?:[A-Z][a-z]+ )?{_PLACE_EN})"
_ROLE_EN = (
    "(?:neighbour|neighbor|colleague|classmate|teacher|headmaster|principal|doctor|nurse|director|officer|policeman|policewoman|driver"
    "|boss|landlord|landlady|manager|mayor|secretary|clerk|guard|coach|official|chief|head)"
)
_MISCONDUCT_EN = (
    "(?:bribe|rude|lazy|corrupt|stole|steal|lies|lying|liar|dismiss|sack|fired|punish|shout|insult|abus|cheat|harass|drunk|neglig"
    "|threat|rumou?r|arrogan|incompeten)"
)

_NAMED = (
    re.compile(f"{_ROLE}(?:叫|名叫|是)?{_NAME}"),
    re.compile(f"{_THREE}(?:{_ROLE}|{_POLITE})|{_NAME}(?:{_POLITE}|{_ROLE}(?={_IN_CLAUSE}{{0,10}}{_MISCONDUCT}))"),
    re.compile(f"[{_SURNAME}](?:{_ROLE}|{_POLITE})(?={_IN_CLAUSE}{{0,10}}{_MISCONDUCT})"),
    re.compile(f"{_COMPLAIN}{_IN_CLAUSE}{{0,10}}?{_THREE}"),
    re.compile(f"{_COMPLAIN}(?:一下)?{_NAME}(?=$|[，。；！？\\s的在把是]|上班|经常|多次|利用|{_POLITE})"),
    re.compile(f"{_COMPLAIN}{_IN_CLAUSE}{{0,10}}?[{_SURNAME}](?:某|{_POLITE})"),
    re.compile(f"(?:名叫|名字叫|名字是|姓名是|[他她人]叫){_NAME}"),
    re.compile(f"姓[{_SURNAME}]的"),
    re.compile(f"(?:^|[，。；！？\\s])(?:{_THREE}|[{_SURNAME}]某某?)(?={_IN_CLAUSE}{{0,12}}{_MISCONDUCT})"),
    re.compile(rf"(?i:\b(?:report|accuse|denounce|complain(?:t|ts)? (?:about|against)|punish|investigate|dismiss|sack|fire|expose|discipline)\b)"
               rf"(?:\W+\w+){{0,4}}?\W+{_NAME_EN}"),
    re.compile(rf"\b{_ROLE_EN},? {_NAME_EN}"),
    re.compile(rf"{_NAME_EN}(?=[^.;!?\n]{{0,60}}{_MISCONDUCT_EN})"),
    re.compile(rf"(?i:\b(?:somebody|someone|person|man|woman|guy|boy|girl|neighbour|colleague)\b) (?:called|named) {_NAME_EN}"),
)  # fmt: skip


# -- authors -----------------------------------------------------------------------------------------------------------

_QUOTED = "[“\"「『'][^”\"」』'\\n]{1,20}[”\"」』']"
_POSTS = "(?:发帖|发文|发布|发表|发微博|发视频|留言|爆料|转发|造谣|散布|上传|称)"
_UNNAMED = re.compile(
    "在|近|昨|今|日|天|年|普遍|纷纷|多次|反复|集中|大量|经常|不断|连续|再次|联名|集体|陆续|们|通过|向|对|就|于|因|曾|已|都|也|的|上|有"
    "|匿名|实名|自|主动|频繁|又|还|再|用|从|把|将|跟|一|大|热|广|随|拍|截|可|能|想|要|会"
)
_NICKNAMED = re.compile(f"网[民友](?P<name>[\\u4e00-\\u9fff]{{2,8}}?|[A-Za-z0-9_]{{3,20}}){_POSTS}")
_AUTHOR = (
    re.compile(f"网[民友名](?:名?叫)?(?:为|是|:)?\\s*{_QUOTED}"),
    re.compile(f"(?:叫|名为|昵称为?|网名为?)\\s*{_QUOTED}的?(?:网[民友]|用户|账号|帐号|博主|人|号)"),
    re.compile(f"(?<!公众)(?<!官方)(?<!政务)(?:用户|账号|帐号|博主|主播|楼主|[Uu][Pp]主)\\s*{_QUOTED}"),
    re.compile(f"网[民友](?:某|[{_SURNAME}]某)"),
    re.compile(
        rf"\b[Tt]?(?:[Uu]ser|[Nn]etizen|[Bb]logger|[Aa]ccount|[Pp]oster|[Ss]treamer) "
        rf"(?:called |named )?(?:{_QUOTED}|(?=\w*[0-9_])\w{{3,30}}|[A-Z]\w+) "
        r"(?:has |have |is |was |keeps? )?(?:post|wrote|writ|shar|publish|upload|claim|sa(?:ys|id)|spread)"
    ),
    re.compile(rf"(?i:\b(?:user|netizen|blogger|account|poster|streamer|somebody|someone)\b) (?:called|named) (?:{_QUOTED}|[A-Z])"),
)


class _Nicknamed:
    """Somebody online who is called by a name, not "a netizen today" or "netizens often"."""

    @staticmethod
    def search(text: str) -> bool:
        return any(not _UNNAMED.search(match["name"]) for match in _NICKNAMED.finditer(text))


# -- to be found, watched, silenced, punished --------------------------------------------------------------------------

_SOMEBODY = (
    "(?:(?<!其)他(?![们人乡国])|她(?!们)|此人|发帖(?:人|者)|发布者|发文者|楼主|博主|[Uu][Pp]主|号主|造谣(?:者|的人)|爆料(?:人|者)|举报(?:人|者)"
    "|投诉人|上访(?:者|人员|户|的人)|拍摄者|传谣者|评论者|跟帖者|始作俑者|幕后(?:者|黑手)|(?:发|写|拍|传|带头)[^，。；！？]{1,8}的人"
    "|[这那该](?:个|名|位|些|几个|条)?(?:人(?![行工民口员])|网民|网友|用户|大[Vv]|主播|记者|作者|闹事者|家伙|自媒体)"
    "|[这那该](?:个|些)?(?:微博|抖音|快手|自媒体|营销|公众|网络)?(?:账号|帐号|号(?!码|楼|线|路|店|井|门))|带头[^，。；！？]{0,8}人)"
)
_BIT = "(?:一?下)?"
_DID = "(?:发|写|拍|传|造谣|泄|举报|投诉|爆料|带头|指使|挑头)"
_SOUGHT = (
    re.compile(f"(?:查(?:一?查|一下|出来?|清楚?|明|找|到)?|找(?:出|到)|揪出|锁定|人肉|核查|追查|深挖|挖出|定位|公布){_BIT}"
               f"{_IN_CLAUSE}{{0,6}}?(?:{_SOMEBODY}|(?:是)?谁{_DID})"),
    re.compile(f"(?:是)?谁{_DID}{_IN_CLAUSE}{{0,10}}(?:，|,)?{_IN_CLAUSE}{{0,6}}(?:查|揪|抓|处理)"),
    re.compile(f"{_SOMEBODY}(?:到底|究竟)?是谁|是谁{_DID}"),
    re.compile(f"哪(?:个|位|名)(?:人|员工|职工|学生|老师|网民|网友|村民|业主|记者|干部){_IN_CLAUSE}{{0,6}}{_DID}"),
    re.compile(f"(?:跟踪|盯(?:住|着|紧|梢|防)|监视|监控|监听|定位|尾随|摸排|记录|登记){_BIT}{_IN_CLAUSE}{{0,6}}?{_SOMEBODY}"),
    re.compile(f"(?:查|找|掌握|关注|留意|跟踪|提供|公布|告诉){_IN_CLAUSE}{{0,14}}?(?:网民|网友|博主|楼主|用户|发帖|{_SOMEBODY})"
               f"{_IN_CLAUSE}{{0,8}}?(?:真实身份|真实姓名|身份信息|[Ii][Pp]|住址|行踪|动向|言论|底细|下落|单位)"),
    re.compile(f"网[民友]{_QUOTED}{_IN_CLAUSE}{{0,4}}(?:言论|动向|行踪|身份)"),
    re.compile(
        r"(?i)\b(?:find|tell (?:us|me)|know|discover|reveal|identify|trace|track|locate|expose|unmask|name|dox|catch|look into|investigate)\b"
        r".{0,30}?\b(?:who (?:posted|wrote|sent|filmed|took|leaked|shared|spread|started|uploaded|reported|complained|is behind|was behind|it is|it was)"
        r"|the (?:person|man|woman|one|guy|individual|people) (?:who|behind|that)"
        r"|(?:the|this|that) (?:[\w-]+ )?(?:poster|author|blogger|netizen|commenter|commentator|uploader|whistle-?blower|complainant|petitioner"
        r"|account owner|influencer|streamer|leaker)\b"
        r"|(?:'s|his|her|their) (?:real name|identity|ip\b|home address|employer|whereabouts))"
    ),
    re.compile(r"(?i)\b(?:poster|author|blogger|user|netizen|commenter)'s (?:real name|identity|ip\b|address|employer|whereabouts)"),
    re.compile(r"(?i)\bwho (?:posted|wrote|filmed|leaked|uploaded|spread) (?:this|that|it|the|these|those)\b"),
    re.compile(
        r"(?i)\b(?:keep an eye on|watch|monitor|follow|track|spy on|tail)\b.{0,12}?\b"
        r"(?:him\b|her\b|(?:this|that|these|those) (?:[\w-]+ )?(?:man|woman|person|people|user|blogger|poster|petitioners?|netizens?)\b"
        r"|what (?:he|she|this \w+) (?:writes|posts|says|does))"
    ),
)  # fmt: skip
_END = "(?:抓起来|抓走|拘留|处分|开除|辞退|严惩|法办|闭嘴|住口|禁言|封号|封了|封掉|销号|约谈|训诫|关起来|管管)"
_SILENCED = (
    re.compile(f"(?:封(?:掉|禁|停|杀|了|号)?|禁言|拉黑|屏蔽|关停|注销|删(?:掉|除|了)?){_BIT}{_IN_CLAUSE}{{0,4}}?{_SOMEBODY}"),
    re.compile(f"(?:约谈|训诫|拘留|逮捕|抓捕?|处分|处罚|惩罚|开除|辞退|教训|收拾|严惩|警告|管管|治治|追责|问责|举报|检举|揭发|控告|曝光)"
               f"{_BIT}{_IN_CLAUSE}{{0,4}}?{_SOMEBODY}"),
    re.compile(f"(?:{_SOMEBODY}|网[民友]){_IN_CLAUSE}{{0,12}}(?:，|,)?{_IN_CLAUSE}{{0,6}}{_END}"),
    re.compile(
        r"(?i)\b(?:silence|ban|mute|block|suspend|delete|remove|close|shut(?: up| down)?|punish|arrest|detain|jail|summon|warn|fire|dismiss"
        r"|sack|discipline)\b (?:down |up )?(?:(?:him|her|them)\b(?! \w+ (?:road|street|school))|(?:this|that|the|his|her|their) (?:[\w-]+ )?"
        r"(?:blogger|user|poster|author|netizen|commenter|commentator|person|man|woman|guy|influencer|streamer|petitioner|troll)\b"
        r"|(?:this|that|his|her|their) (?:[\w-]+ )?(?:account|posts?|videos?|channel)\b)"
    ),
    re.compile(r"(?i)\b(?:shut (?:him|her|them) up|(?:deal with|stop|make) (?:him|her)\b|make them delete)"),
)  # fmt: skip

_PATTERNS = {NAMED: _NAMED, AUTHOR: (*_AUTHOR, _Nicknamed), SOUGHT: _SOUGHT, SILENCED: _SILENCED}
