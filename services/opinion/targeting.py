"""Texts about a person: named, pointed at as an author, or to be found, watched, silenced or punished. Pure."""

import re
from collections.abc import Generator

from services.opinion.names import MASKED, NAME, NO_PLACE, PINYIN, PLACE, SURNAME, THREE, TITLED, WHOLE_EN
from services.opinion.personal_data import Kind

NAMED = Kind("点名某人", "it names a person")
AUTHOR = Kind("指明发帖人", "it points at who posted something")
PURSUED = Kind("要求查找、监视、封禁或惩处某人", "it asks to find, watch, silence or punish a person")


def kinds_in(text: str) -> Generator[None, None, list[Kind]]:
    """The kinds found in a folded text, each once. Yields between its steps, none of which takes long."""
    kinds: list[Kind] = []
    for kind, patterns in _PATTERNS.items():
        for pattern in patterns:
            yield
            if pattern.search(text):
                kinds.append(kind)
                break
    return kinds


_CLAUSE = "[^，,。；;！!？?、\\n]"
_SENTENCE = "[^。！!？?\\n]"
_QUOTED = "[“\"「『'][^”\"」』'\\n]{1,20}[”\"」』']"

# -- named -------------------------------------------------------------------------------------------------------------

_ROLE = (
    "(?:主任|支书|书记员?|[局科处股所站院校镇县乡区队组园厂店]长|队员|会计|民警|警官|警察|辅警|城管|保安|老师|教师|辅导员|教练|医生|大夫|护士|司机"
    "|师傅|经理|老板娘?|店主|房东|邻居|同事|同学|记者|律师|主播|干部|人员|员工|职工|村民|居民|业主|群主|网红|前夫|前妻|男友|女友|丈夫|老公"
    "|妻子|老婆|儿子|女儿|亲戚|亲属|室友|战友|老乡|女子|男子)"
)
_POLITE = "(?:同志|先生|女士|小姐|个人|本人|这个人|这人|此人|夫妇)"
_CALLER = "(?:来电|来信|反映|反馈|投诉|咨询|询问|表示|建议|希望|求助|称|说|问|想)"
"""What a caller does, whom notes of hotlines call by surname: 市民李先生来电反映."""
_MISCONDUCT = (
    "(?:态度|骂|打人|打学生|体罚|收礼|红包|收钱|贪|受贿|行贿|吃拿卡要|作风|不负责|欺负|包庇|霸道|恶劣|刁难|很凶|对人凶|索要|敷衍|渎职|失职"
    "|玩手机|骚扰|酗酒|赌博|造谣|撒谎|骗|不退|欠薪|赖账|拖欠|欠钱|不还|诋毁|煽动|上访|上班|迟到|早退|小三|卖假)"
)
_COMPLAIN = "(?:举报|投诉|检举|揭发|控告|曝光|起诉|谴责|处分|开除|处理|约谈|追究|查处|严惩|调查|批评|通报)"
_HARD = (
    "(?:抓(?:起来|走|了|捕|住)|揪|拘留|处分|开除|辞退|严惩|严查|法办|绳之以法|闭嘴|住口|禁言|封号|封了|封掉|封杀|销号|拉黑"
    "|约谈|训诫|关起来|管一?管|管控|管好|治治|教训|教育一下|收拾|谈谈?话|反驳|压住|重点人员|打压|赶走|吊销|滚蛋|喝茶|底细"
    "|法律责任|采取措施|撤职|免职|删掉|删除|别让(?=.{0,8}(?:来|发|说|写|拍|上访|进|闹|出声|开口))|(?:公开|公布|曝光)?(?:他|她|其)的?(?:信息|姓名|照片|名字))"
)
"""What is asked to be done to somebody."""
_ALSO_HARD = "(?:下架|跟帖|道歉|检讨|列入|身份(?!证)|罚|警告|名单|记下|记录下来|盯|不让|曝光|谈谈)"
"""The same, of those who speak up; of others it may well be something else."""
_SURNAMED = (
    f"[{SURNAME}](?:主任|支书|书记|[局科处股所站院校镇县乡区队组园厂店]长|会计"
    f"|民警|警官|老师|教师|教练|医生|大夫|护士|师傅|经理|老板娘?|律师|记者"
    "|同志|先生|女士|小姐|个人)"
)
_ROLE_EN = (
    "(?i:neighbou?r|colleague|classmate|teacher|headmaster|principal|doctor|nurse|director|officer|policeman|policewoman|driver"
    "|boss|landlord|landlady|manager|mayor|secretary|clerk|guard|coach|official)"
)
_CALLER_EN = (
    r"(?! (?:of [\w ]{1,20} )?(?:asks?|asked|calls?|called|reports?"
    r"|reported that|says|said|would like|wants to know|suggests)\b)"
)
_PERSON_EN = (
    "(?:somebody|someone|person|man|woman|guy|boy|girl|user|netizen|v?blogger|vlogger|influencer|poster|streamer|neighbou?r"
    "|colleague|villager|resident)"
)
_HEARSAY = (
    f"(?:[老小阿][{SURNAME}](?!{PLACE}|[{SURNAME}村街路区学校狗车鱼额虾子米麦板])"
    f"|[{SURNAME}](?:阿姨|大妈|大爷|大叔|婶|嫂|伯|总))"
)
"""What neighbours and colleagues call each other."""
_WRONG = (
    "(?:偷|抢|打牌|炒股|喝酒|受贿|好处|缺斤|短两|拖欠|耍流氓|骚扰|撒谎|贿|贪|骗|赌|包庇|批评|抓|处分|开除|纪委|传出去|传谣|造谣|骂|打人|霸占"
    "|乱倒|乱丢|欺负|收钱|红包)"
)
_NAMED = (
    re.compile(f"{_HEARSAY}(?!.{{0,4}}{_CALLER}){_SENTENCE}{{0,8}}?{_WRONG}"),
    re.compile(f"(?:偷|抓|处分|举报|投诉|批评|查查)(?:一下)?{_HEARSAY}"),
    re.compile("关系不清不楚|乱搞(?:男女)?关系|作风不正|包二奶"),
    re.compile(MASKED),
    re.compile(THREE),
    re.compile(f"{_SURNAMED}(?!.{{0,4}}{_CALLER})"),
    re.compile(f"{_ROLE}(?:叫|名叫|是)?{NAME}"),
    re.compile(f"{NAME}(?:{_POLITE}|{_ROLE})(?={_CLAUSE}{{0,10}}{_MISCONDUCT})"),
    re.compile(f"(?:{_HARD}|{_COMPLAIN}){_CLAUSE}{{0,10}}?{_SURNAMED}"),
    re.compile(f"{_COMPLAIN}(?:一下)?{NAME}(?=$|[，。；！？,;!?\\s的在把是]|上班|经常|多次|利用|{_POLITE})"),
    re.compile(f"(?:名叫|名字叫|名字是|姓名是|[他她人]叫){NAME}|姓[{SURNAME}]的|某某某(?!{PLACE})"),
    re.compile(f"(?:就是|怀疑|肯定是|{_COMPLAIN}){_CLAUSE}{{0,8}}[老小阿][{SURNAME}](?=[，。,!！\\s打说的在把干做]|$)"),
    re.compile(f"(?:{TITLED}|{WHOLE_EN}){_CALLER_EN}"),
    re.compile(rf"\b{_ROLE_EN},? (?:[Oo]ld |[Yy]oung |[Ll]ittle )?{PINYIN}\b{NO_PLACE}"),
    re.compile(rf"(?i:\b{_PERSON_EN}\b) (?:called|named) [A-Z]|\b(?:called|named) {PINYIN}\b{NO_PLACE}"),
    re.compile(
        rf"\b(?i:watch|monitor|follow|arrest|ban|silence|sack|dismiss"
        rf"|punish|fire|investigate|report|discipline) {PINYIN}\b{NO_PLACE}"
    ),
)


# -- authors -----------------------------------------------------------------------------------------------------------

_POSTS = "(?:发帖|发文|发布|发表|发微博|发视频|留言|爆料|转发|造谣|散布|上传|称)"
_NICKNAMED = re.compile(f"网[民友](?P<name>[\\u4e00-\\u9fff]{{2,8}}?|[A-Za-z0-9_]{{3,20}}){_POSTS}")
_NO_NAME = re.compile(
    "在|近|昨|今|日|天|年|普遍|纷纷|多次|反复|集中|大量|经常|不断|连续|再次|联名|集体|陆续|们|通过|向|对|就|于|因|曾|已|都|也|的|上|有"
    "|匿名|实名|自|主动|频繁|又|还|再|用|从|把|将|跟|一|大|热|广|随|拍|截|可|能|想|要|会"
)
_THIS = "[这那该](?:个|名|位|些|几个|几名|几位|条)?"
_SPEAKER = (
    "(?:网民|网友|博主|大[Vv]|[Uu][Pp]主|主播|楼主|号主|发帖人|发帖者|爆料人|自媒体人?|键盘侠|喷子"
    "|(?:微博|抖音|快手|公众|自媒体|营销)?(?:账号|帐号)|用户)"
)
_OF_ACCOUNTS = "(?:登录|登陆|余额|注销|密码|绑定|里|名|怎么|如何|协议|手册|数|已|不存在|不能|无法)"
_AUTHOR = (
    re.compile(f"网[民友名](?:名?叫)?(?:为|是|:)?\\s*[（(]?(?:(?:ID|id|网名|昵称)\\s*:?)?\\s*(?:{_QUOTED}|(?<=:)\\w+)"),
    re.compile(
        f"网名(?:叫|是|为)\\w{{2,10}}?的|(?:叫|名为|昵称为?"
        f"|网名为?)\\s*{_QUOTED}的?(?:网[民友]|用户|账号|帐号|博主|主播|网红|作者|人|号|[，。,])"
    ),
    re.compile(f"(?<!公众)(?<!官方)(?<!政务)(?:用户|账号|帐号|博主|主播|楼主|[Uu][Pp]主|群主|网红|群友)\\s*{_QUOTED}"),
    re.compile(f"{_QUOTED}的(?:作者|博主|主播|号主|主人)"),
    re.compile(f"网[民友]某|{_THIS}{_SPEAKER}(?!{_OF_ACCOUNTS})"),
    re.compile(
        r"\b(?:[Tt]he |[Aa] )?(?i:user|netizen|blogger|vlogger|influencer|streamer|poster) (?:called |named )?"
        rf"(?:{_QUOTED}|(?=\w*[0-9_])\w{{3,30}}|(?!(?:Service"
        rf"|Manual|Guide|Agreement|Cent(?:re|er))\b)(?-i:[A-Z])\w+)"
    ),
    re.compile(
        r"\b[Uu]ser (?!who\b|that\b|has\b|have\b|name\b|does\b|is\b|manual\b"
        r"|guide\b|account\b|data\b|service\b|fees?\b|reviews?\b|names\b|can)"
        r"\w{4,30} (?:keeps?|posted|wrote|writes|attacks|spreads)\b"
    ),
    re.compile(rf"(?i)\b(?:{_PERSON_EN}|account) (?:called |named )?{_QUOTED}"),
    re.compile(
        r"(?i)\b(?:this|that|the said) (?:v?blogger|vlogger|influencer"
        r"|netizen|commenter|commentator|streamer|whistle-?blower|troll"
        r"|petitioner|man|woman|guy|lady|girl|fellow|person)\b|\bowner of (?:the|this|that) account\b"
    ),
)


class _Nicknamed:
    """Somebody online who is called by a name, not "a netizen today" or "netizens often"."""

    @staticmethod
    def search(text: str) -> bool:
        return any(not _NO_NAME.search(match["name"]) for match in _NICKNAMED.finditer(text))


# -- to be found, watched, silenced, punished --------------------------------------------------------------------------

_HIM = "(?:(?<!其)他(?![们人乡国])|她(?!们))"
_HUMAN = (
    f"(?:{_HIM}|此人"
    f"|{_THIS}(?:{_CLAUSE}{{0,8}}的)?(?:男|女)?"
    "(?:人(?![行工民口员流才数群均])|家伙|男的|女的|老头|闹事者|记者|作者|外教|小编|主播|司机)"
    "|[男女](?:人|子|的|老师|医生|司机|服务员|员工|民警|干部|主播|工作人员)"
    "|前妻|前夫|前男友|前女友|外教|小编)"
)
_DID = "(?:发|写|拍|传|造谣|泄|举报|投诉|爆料|带头|指使|挑头)"
_ONES = (
    "(?:那|这)?(?:几个|几位|几名|些|个|位|名)?"
    "(?:人|男的|女的|网友|网民|家伙|村民|业主|邻居|同事|顾客|家长|女人|男人|账号)"
)
_VOCAL = (
    "(?:发帖(?:人|者)|发布者|发文者|楼主|博主|[Uu][Pp]主|号主|网民|网友|造谣(?:者|的)|爆料(?:人|者)|举报(?:人|者)"
    "|投诉人|上访(?:者|人员|户)|拍摄者|传谣者|评论者|跟帖者|始作俑者|幕后(?:者|黑手)"
    f"|(?:{_DID}|发牢骚|上访|维权|闹事|挑事|抱怨|传谣|乱说|唱反调|骂){_CLAUSE}{{0,8}}的{_ONES})"
)
_WHOM = f"(?:{_HUMAN}|{_VOCAL}|(?:是)?谁{_DID})"
_NOT_SAID = f"(?!{_CLAUSE}{{0,3}}(?:反映|提出|建议))"
"""What somebody reported may be looked into."""
_SEEK = (
    "(?:查(?:一?查|一下|出来?|清楚?|明|找|到)?|找(?:出|到)|揪出|锁定|人肉|追查|深挖|挖出|定位|跟踪"
    "|盯(?:住|着|紧|梢|防)|监视|监控|监听|尾随|摸排|记录|登记)"
)
_IDENTITY = (
    "(?:真实身份|真实姓名|身份信息|IP|ip|住址|行踪|动向|言论|底细|下落|名单|记录下来|登记"
    "|(?:电话|号码|名字|姓名)(?:给|告诉|发)|住(?:在)?(?:哪|什么)|什么单位|哪个单位|在哪上班|叫什么)"
)
_ALWAYS = (
    "(?<!被)(?<!被单位)(?<!被公司)(?<!被学校)(?<!被厂里)(?<!被老板)(?<!无故)(?<!违法)(?<!随意)(?<!擅自)"
    "(?:开除|辞退|拘留|逮捕|抓起来|训诫|禁言|封号|人肉(?!眼)|闭嘴|撤职|免职|革职|盯防|盯梢|销号|揪出来|重点人员|重点监控"
    "|监控对象|坐牢)(?!了?我|员工|职工|工人|后|怎么|如何|赔偿|补偿|通知|是)"
)
"""What is only ever asked to be done to a person."""
_SOMEBODY = (
    "(?:人(?![行工民口员流才数群均])|人家|家伙|男的|女的|男人|女人|男生|女生|小伙子?|姑娘|大爷|大妈|大叔|阿姨|老头|老太太?|寡妇|孩子|学生"
    "|夫妻|两口子|刁民|老太婆|男老师|女老师|老人家|女友|男友|同学|保安|保洁|服务员|店员|房东|家长|业主|住户|租客|邻居|同事|员工|护士|医生|老师|记者|律师|乘客|顾客|客人|网友|网民|用户|博主|主播|作者|司机|村民|居民)"
)
"""What somebody is called who is not named."""
_POINTED = (
    f"(?:(?:有|那|这|某)(?:个|名|位|几个|几位|几户)(?:(?!被){_CLAUSE}){{0,14}}?"
    f"|的(?:那|这)?(?:个|名|位|几个|几位)?){_SOMEBODY}"
)
_DRIVEN = (
    f"(?:带走|赶走|赶出|撵走|轰走|踢出|抓起来|抓走|警告一?下?{_HIM}|(?<!吸取)教训|收拾{_HIM}?|管管|(?:不|别|不要)让{_HIM}(?:再)?(?:来|发|说|写|拍|上访|进|闹|开口)|揪出|黑名单|记录在案"
    f"|列(?:个|一?份)?(?:单子|名单)|记下(?:名字|姓名)|停了?{_HIM}的?号|封了?{_HIM}|调离|换掉{_HIM}?|处理(?:掉|{_HIM})|盯[着住紧]|跟着{_HIM}"
    f"|找{_HIM}谈|轰出|把{_HIM}们?(?:赶|踢|抓|请出|弄走|开了|辞)|曝光(?:{_HIM}|照片)|上门抓)"
)
"""What is asked to be done to somebody so pointed at."""
_LEAKED = "(?:爆的?料|爆了料|通风报信|泄密|泄露|外传|传到网上|传出去|传出来|捅(?:出去|到|给)|打小报告|告的?密)"
_MORE_PURSUED = (
    re.compile(f"{_POINTED}(?:(?!被){_SENTENCE}){{0,24}}?{_DRIVEN}"),
    re.compile(
        "(?:警告|教训|处理|收拾|管管|管好|治治|抓捕|抓|处罚|罚|批评|调查|查查|曝光|封掉?|换掉|赶走|带走|盯[着住紧]|跟着|监视|约谈|通报批评|撤换)"
        f"(?:一下)?{_HIM}(?!的)"
    ),
    re.compile(f"把{_HIM}{_CLAUSE}{{0,8}}?(?:抓|赶|踢|撵|轰|带走|处理|换掉|撤|关|封|曝光|开除|弄走|请走|请出|列入)"),
    re.compile(
        f"让{_HIM}(?:把{_CLAUSE}{{1,6}})?(?:撤|离开(?:本地|这里|我们)|走人|住口|停止发|下架|认错)|让{_HIM}的?(?:领导|单位|老板|家长)(?:管|处理|出面)"
    ),
    re.compile(f"(?:通知|告诉|联系|找){_HIM}的?(?:父母|家长|老师|老板|上级|丈夫|老公|妻子|老婆)"),
    re.compile(f"谁{_CLAUSE}{{0,12}}{_LEAKED}|{_LEAKED}的{_CLAUSE}{{0,4}}(?:是谁|人)"),
    re.compile(f"(?<![找向问])谁{_CLAUSE}{{0,8}}(?:投诉|举报|告)(?:了|的)?(?:我|本店|本单位|本公司)"),
    re.compile(f"(?:帖子?|文章?|视频|信|评论|稿子?|照片|录音){_CLAUSE}{{0,6}}(?:是)?谁(?:写|发|拍|传|录|寄)的"),
    re.compile(
        f"哪(?:个|位|名|些){_SOMEBODY}{_CLAUSE}{{0,8}}?(?:写的?信|写的|发的|拍的|传的|说的|举报|投诉|告的?状|爆料|发到网上|传到网上)"
        f"|(?:写|发|拍|传|举报|投诉|带节奏|闹事|发帖){_CLAUSE}{{0,8}}(?:是哪里的?人|什么来头|(?:是|在)(?:哪个|什么)单位|是(?:哪|几号)(?:栋|楼|家|个))"
    ),
    re.compile(f"(?:账号|帐号|网名|昵称|公众号|小号|帖子?|文章|视频){_CLAUSE}{{0,6}}背后(?:是谁|是什么人|的人)"),
    re.compile(f"(?:知道|查|公布|公开|曝光|说出){_CLAUSE}{{0,8}}真名"),
    re.compile(f"{_DID}{_CLAUSE}{{1,8}}的{_SOMEBODY}的?(?:身份(?!证)|姓名|名字|住址)"),
    re.compile(
        f"把{_CLAUSE}{{0,4}}{_DID}{_CLAUSE}{{0,10}}的?{_SOMEBODY}的?(?:资料|信息|名单|电话|号码|住址|情况){_CLAUSE}{{0,4}}(?:给|交给|告诉|发给|报给)"
    ),
    re.compile(f"(?:参加|签|签名|联名|举报|投诉|上访){_CLAUSE}{{0,8}}(?:的)?(?:{_SOMEBODY}|教师|职工|工人)的?名单"),
    re.compile(f"(?:哪个|哪位|是谁|谁){_CLAUSE}{{0,4}}把{_CLAUSE}{{1,8}}(?:告诉|捅给|传给|说给|发给)"),
    re.compile(
        f"(?:打听|查|找|问|告诉){_CLAUSE}{{0,8}}(?:前女友|前男友|前妻|前夫|{_HIM}|那个人|此人){_CLAUSE}{{0,4}}(?:住处|住址|地址|电话|号码|下落|单位)"
    ),
    re.compile(
        "(?:[那这该](?:个|位|名)?(?:匿名)?用户|匿名用户|网友|网民|发帖人|楼主|博主)的?(?:手机号|电话|住址|地址|身份(?!证))"
    ),
    re.compile(f"(?:发帖|写信|发视频|质疑|举报|投诉){_CLAUSE}{{0,8}}的人{_CLAUSE}{{0,3}}(?:在|是|住)(?:哪|什么)"),
    re.compile("(?:挑事|闹事|上访|带头|发牢骚|骂人|告状)的(?:那|这)(?:位|个|几位|几个)(?!问题)"),
    re.compile(f"(?:比对|核对|鉴定)笔迹|写匿名信的|匿名(?:写信|信){_SENTENCE}{{0,16}}(?:找出|查出|揪|抓)"),
    re.compile(
        f"(?:唱反调|唱衰|带节奏|煽动|起哄|闹事|反对{_CLAUSE}{{1,8}}|骂我们{_CLAUSE}{{0,4}})的?(?:那|这)?(?:几|些|个|位|名)*(?:户|{_SOMEBODY})"
        f"{_CLAUSE}{{0,8}}(?:单子|名单|记录|记下|登记|踢|查出|找出|揪|警告|抓|带走|谈话|处理)"
    ),
    re.compile(
        f"(?:找|跟|和|派人)(?:那|这|该|经常|整天|老是|一直|几){_CLAUSE}{{0,12}}{_SOMEBODY}{_CLAUSE}{{0,3}}谈(?:一?谈|话|一下)"
    ),
)
_PURSUED = (
    re.compile(f"{_SEEK}(?:一?下)?{_CLAUSE}{{0,8}}?{_WHOM}{_NOT_SAID}"),
    re.compile(f"(?:{_HUMAN}|{_VOCAL}){_SENTENCE}{{0,22}}{_HARD}|{_VOCAL}{_SENTENCE}{{0,22}}{_ALSO_HARD}"),
    re.compile(f"{_HARD}(?:一?下)?{_CLAUSE}{{0,6}}?(?:{_HUMAN}|{_VOCAL}){_NOT_SAID}"),
    re.compile(f"{_ALSO_HARD}(?:一?下)?{_CLAUSE}{{0,6}}?{_VOCAL}{_NOT_SAID}"),
    re.compile(f"(?:举报|检举|揭发|控告|追究|封(?:禁|停|杀)?|屏蔽){_CLAUSE}{{0,4}}?(?:{_HUMAN}|发帖|博主|楼主|造谣)"),
    re.compile(f"(?:{_WHOM}|{_DID}{_CLAUSE}{{1,8}}的){_CLAUSE}{{0,10}}{_IDENTITY}"),
    re.compile(f"谁{_DID}{_SENTENCE}{{0,16}}(?:查|揪|抓|处理|追究)"),
    re.compile(f"谁{_SENTENCE}{{1,24}}(?:[找揪查]出来|抓起来|曝光|处分)"),
    re.compile(f"{_WHOM}(?:到底|究竟)?是谁|是谁{_DID}"),
    re.compile(f"{_DID}{_CLAUSE}{{0,8}}的(?:人)?是谁|(?<![找向问])谁(?:举报|投诉|骂)了?我"),
    re.compile(f"哪(?:个|位|名|些)(?:人|员工|职工|学生|老师|网民|网友|村民|业主|记者|干部){_CLAUSE}{{0,6}}{_DID}"),
    re.compile(
        f"(?:告诉|告知|提供|给|说出|认识|知道){_CLAUSE}{{0,6}}(?:举报|投诉|骂|爆料|拍|写|发){_CLAUSE}{{0,8}}"
        "(?:的人|谁|身份|姓名|电话)"
    ),
    re.compile(f"(?:举报|投诉|骂|爆料){_CLAUSE}{{0,8}}的人{_CLAUSE}{{0,4}}(?:告诉|找|查|揪|叫|名|的?电话)"),
    re.compile(f"(?:公布|公开|曝光){_CLAUSE}{{0,14}}的(?:照片|住址|身份证|家庭|个人信息)|没人管{_HUMAN}"),
    re.compile(f"(?:小编|号主|博主|楼主|网友|发帖人){_CLAUSE}{{0,6}}(?:喝茶|谈话)|查查?底细|骂回去"),
    re.compile("(?:机主|车主|号主|主人|发件人)(?:到底|究竟)?(?:是谁|的?(?:姓名|电话|身份|信息))"),
    re.compile(f"让{_HIM}(?:删|道歉|闭嘴|滚|丢|消失)|(?:通知|告诉|联系){_HIM}的?(?:单位|学校|领导|公司|家人)"),
    re.compile(_ALWAYS),
    *_MORE_PURSUED,
)

_CRITIC = (
    "(?:poster|author|v?blogger|netizen|commenter|commentator|uploader|whistle-?blower|complainant|petitioner"
    "|account owner|influencer|streamer|leaker)"
)
_ANYBODY = f"(?:(?:this|that|the|his|her|their) (?:[\\w-]+ )?(?:{_CRITIC}|user|person|man|woman|guy|troll)\\b)"
_DONE = (
    "(?:posted|wrote|filmed|leaked|uploaded|spread|shared|sent|took|started|complained|reported|is behind|was behind)"
)
_OUTPUT = r"(?:posts?|videos?|letters?|comments?|rumou?rs?|photos?|messages?|thread|reviews?|memo)"
_FIND = (
    "(?:find|look up|tell (?:us|me)|know|discover|reveal|identify|trace|track|locate|expose|unmask|name|dox|catch"
    "|look into|investigate)"
)
_STOP = (
    "(?:silence|ban|mute|block|suspend|delete|remove|close|shut(?: up| down)?|punish|arrest|detain|jail|summon|warn"
    "|fire|dismiss|sack|discipline|discredit|stop)"
)
_STOPPED = "(?:banned|sacked|fired|removed|arrested|punished|blocked|silenced|suspended|dismissed)"
_CIRCLE = "(?:employer|boss|school|family|workplace)"
_ANYONE_EN = (
    "man|woman|guy|boy|girl|kid|lady|person|student|pupil|parent|teacher|nurse|doctor|neighbou?r|tenant|colleague|employee"
    "|cleaner|editor|swindler|couple|manager|clerk|secretary|official|landlord|headmaster|worker|customer|passenger|driver|villager|resident|journalist|reporter|lawyer|caller|user"
    f"|{_CRITIC}"
)
_OUGHT_EN = "(?:should|must|needs? to|ought to|has to|have to)"
_PURSUED_EN = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        rf"\b{_FIND}\b.{{0,30}}?\b(?:who (?:owns the account|{_DONE}|it is|it was)|him\b"
        rf"|the (?:person|man|woman|one|guy|individual|people) (?:who|behind|that)|{_ANYBODY}"
        r"|(?:'s|his|her|their) (?:real name|identity|ip\b|home address|employer|whereabouts))",
        r"\b(?:publish|post|share|release|print)\b.{0,30}"
        r"(?:'s|\bhis|\bher|\btheir) (?:photo|picture|name|home|address|phone)",
        rf"\b(?:{_CRITIC}|user)(?:'s (?:real name|identity|ip\b|address|employer|whereabouts)| lives\b)",
        rf"\bwho {_DONE} (?:this|that|it|these|those|the (?:[\w-]+ )?{_OUTPUT})\b",
        rf"\bwhoever (?:made|told|{_DONE})\b",
        r"\bwhich (?:of (?:the|our|these) )?(?:\w+ )?"
        rf"(?:employees?|teachers?|students?|users?|residents?|villagers?|colleagues?) {_DONE}\b",
        r"\b(?:phone number|name|address|identity|photos?|details) of (?:the |this |that )?"
        r"(?:person|man|woman|caller|one|neighbou?r|complainant|poster|user)\b",
        r"\blist of (?:\w+ ){0,3}(?:who|that) (?:criticis|criticiz|complain|oppos|protest|petition|post)",
        r"\b(?:keep an eye on|watch|monitor|follow|track|spy on|tail)\b.{0,12}?\b"
        rf"(?:him\b|her\b|(?:this|that|these|those) (?:[\w-]+ )?(?:man|woman|person|people|user|{_CRITIC}s?)\b"
        r"|what (?:he|she|this \w+) (?:writes|posts|says|does))",
        rf"\b{_STOP} (?:down |up )?(?:(?:him|her|them)\b(?! \w+)|{_ANYBODY}"
        r"|(?:this|that|his|her|their) (?:[\w-]+ )?(?:account|posts?|videos?|channel)\b)",
        r"\b(?:silence|arrest|detain|jail|punish|dismiss|sack|discredit|expose) (?:him|her)\b",
        r"\b(?:shut (?:him|her|them) up|(?:deal with|stop|make) (?:him|her)\b|make them (?:delete|stop))",
        r"\b(?:under|take down|delete|publish|posting|post) (?:his|her) (?:private )?"
        r"(?:posts?|videos?|comments?|photos?|address|phone|number)",
        rf"\b(?:get|have|see|want) (?:him|her|them) (?:\w+ )?{_STOPPED}\b",
        r"\b(?:should|must|needs? to|ought to) be "
        r"(?:sacked|dismissed|fired|punished|arrested|detained|silenced|jailed|disciplined)\b",
        r"\b(?:man|woman|person|guy|one) who\b.{0,60}\bbe (?:stopped|found|banned|told|blocked)\b",
        rf"\b(?:his|her) {_CIRCLE}\b.{{0,12}}\b(?:told|informed|know)\b",
        rf"\b(?:tell|inform|call|contact) (?:his|her) {_CIRCLE}\b",
        rf"\b{_CIRCLE} of (?:the|this|that) (?:{_ANYONE_EN})\b",
        r"\b(?:have|has|had) a (?:word|talk|chat) with (?:him|her)\b|\b(?:lean on|send someone to talk to|talk sense into) "
        rf"(?:him|her|(?:the|this|that) (?:{_ANYONE_EN}))\b",
        rf"\bwhich (?:{_ANYONE_EN}) (?:gave|told|wrote|called|leaked|talked|spoke|{_DONE})\b",
        r"\b(?:put|place|add)\b.{0,60}?\b(?:on|to) (?:a|the|your|some) (?:watch|black) ?-?list\b",
        r"\b(?:expel|evict|fine|fire|ban|warn|watch|expose|investigate) (?:him|her)\b"
        r"|\b(?:kick out|throw out|shut up|keep away|take away) (?:him|her)\b"
        r"|\b(?:shut|lock|kick|throw) (?:him|her) (?:down|up|out)\b",
        rf"\b(?:expel|evict|sack|dismiss|arrest|detain|punish|silence|unmask|fire) (?:the|this|that) (?:{_ANYONE_EN})\b",
        r"\b(?:get rid of|throw out|kick out|run out|drive out) (?:him|her|(?:the|this|that|those|these) (?:\w+ ){0,2}?"
        rf"(?:{_ANYONE_EN})s?)\b",
        rf"\b(?:{_ANYONE_EN}|couple|family|editor)s?\b.{{0,60}}?\b(?:throw|kick|get|drive|move) them out\b",
        rf"\b(?:(?:the|this|that|these|those) (?:\w+ ){{0,2}}?(?:{_ANYONE_EN})s?|whoever)"
        r"(?: (?:who|from|of|in|at|on|with|keeps)\b.{0,50}?)? "
        rf"{_OUGHT_EN} be (?:warned(?! about| of| that)|stopped|disciplined|expelled|evicted|watched|exposed|silenced)\b",
        rf"\bkeep (?:him|her|(?:those|these|that|this|the) (?:\w+ ){{0,2}}?(?:{_ANYONE_EN})s?)\b.{{0,40}}?"
        r"\bout of the (?:meeting|village|room|building|hall|group)\b",
        rf"\b(?:find|locate|look for|catch|trace) (?:the|this|that) (?:{_ANYONE_EN})\b.{{0,40}}?\b(?:who|that) "
        r"(?:shouted|insulted|complained|criticis|criticiz|posted|wrote|filmed|mocked|lied|protested|spoke)",
        r"\bfind the (?:leaker|mole|informer)\b|\btroublemakers?\b|\btrace the (?:number|call|caller)\b",
        r"\b(?:reply|respond|comment) (?:to|on|under) (?:his|her) (?:posts?|comments?|videos?|page)\b",
        r"\bshow that (?:he|she) lies\b",
        r"\bpolice to (?:his|her|the) (?:house|home|door|flat)\b",
        rf"\b(?:make|have|get) (?:the|this|that) (?:{_ANYONE_EN}) (?:to )?"
        r"(?:take (?:it|down|his|her|back)|delete|remove|apologi[sz]e|stop (?:writing|posting|filming)|shut)",
        r"\bnames? of (?:those|the people|people|everybody|everyone|all) (?:who|that) (?:\w+ )?"
        r"(?:sign|complain|protest|post|wrote|film|criticis|criticiz|leak|petition)",
        r"\b(?:journalists?|reporters?|activists?|petitioners?|whistle-?blowers?)\b.{0,60}?"
        r"\b(?:(?:never|not) (?:get|be let|come|be allowed)|never gets|(?:be )?kept? (?:away|out)|be (?:stopped|banned|removed))\b",
        r"\b(?:account|page|channel|blog)\b.{0,60}?\b(?:find|trace|identify) (?:its|the) (?:owner|author)\b"
        r"|\bwhose (?:account|blog|channel|profile) is\b",
        r"\b(?:his|her|their) real name\b|\b(?:want|need|give (?:us|me)) (?:his|her) (?:name|address|number)\b",
        rf"\b(?:watch|monitor|follow|track|keep an eye on) (?:the|those|these) (?:\w+ )?(?:{_ANYONE_EN})s? who\b",
        r"\bwho (?:leaked|tipped off|snitched|ratted)\b",
    )
)

_PATTERNS = {NAMED: _NAMED, AUTHOR: (*_AUTHOR, _Nicknamed), PURSUED: (*_PURSUED, *_PURSUED_EN)}
