"""Names of persons in a text, Chinese and in pinyin: pure. Guesses by surname, given name and surroundings.

Characters that begin or make up common words are left out (surnames 安, 常, 方, 时, 向; given 工, 路, 层): a name
missed is better than every second complaint about a road stopped.
"""

SURNAME = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪"
    "范金石廖贾夏韦付邹孟秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵钱严覃武戴莫孔汤阮施翁詹游兰缪柯"
)
_GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛超秀霞刚桂英华建国红玉梅志明辉文斌宇浩凯鹏飞龙峰波健俊豪鑫林海燕玲婷雪琴云莲珍贞莉"
    "兰凤洁琳瑞祥德福贵荣富春花光忠义庆生永康家宝美惠珠翠雅芝萍蓉眉君琼勤媛瑶怡佩茹欣彬晨晓小东雷宏泽伦翔旭振锋毅昌"
    "耀邦栋梁强民友良庭景嘉诚立仁思源子涵轩博昊天宁诗雨梓萱桐树根水生火旺贤顺发财守信成武彪威雄平安清少亚艺秋菊胜世绍维继智聪颖慧莹洪川兵奎喜巧星阳"
)
PLACE = (
    "(?:小区|花园|[路街村镇乡县市区湾港山桥岛岸滩江河溪洞库巷弄里苑城府店厂馆站楼校局院所厝]|大厦|广场|公司|医院|学校|中学"
    "|小学|幼儿园|社区|中心|酒店|超市|物业|市场|工地|景区|大道|集团|宾馆|纪念|故居|图书)"
)
_LINK = "[^在把的是上被给对从到]"
THREE = f"[{SURNAME}][{_GIVEN}]{{2}}(?!{_LINK}?{PLACE})"
"""A whole name of three characters: seldom anything else."""
MASKED = f"[{SURNAME}](?:某某?(?![种些个地年月日项条处])|[×*]{{1,2}})"
NAME = (
    f"(?:{THREE}|[{SURNAME}][{_GIVEN}](?![{_GIVEN}]?{_LINK}?{PLACE})|{MASKED}|(?:欧阳|上官|诸葛|司马)[{_GIVEN}]{{1,2}})"
)
"""Any name; those of two characters may be a word, so only where a name is expected."""
PINYIN = (
    "(?:Bai|Cai|Cao|Chen|Cheng|Cui|Deng|Ding|Dong|Du|Fan|Fang|Feng|Gao|Gu|Guo|He|Hou|Hu|Huang|Jia|Jiang|Jin|Kong|Lai|Lei|Li|Liang"
    "|Liao|Lin|Liu|Lu|Luo|Ma|Mao|Meng|Pan|Peng|Qian|Qin|Qiu|Ren|Shao|Shen|Shi|Song|Su|Sun|Tan|Tang|Tao|Tian|Wang|Wei|Wen|Weng"
    "|Wu|Xia|Xiao|Xie|Xiong|Xu|Xue|Yan|Yang|Yao|Ye|Yin|Yu|Yuan|Zeng|Zhang|Zhao|Zheng|Zhong|Zhou|Zhu|Zou)"
)
_SYLLABLE = (
    "(?:[zcs]h?|[bpmfdtnlgkhjqxryw])?"
    "(?:i?a(?:ng?|o|i)?|i?ong|ou?|u(?:a(?:ng?|i)?|o|i|n|e)?|e(?:i|ng?|r)?|i(?:ng?|u|e)?)"
)
_PLACE_EN = (
    "(?:Road|Street|Lane|Avenue|Village|Town(?:ship)?|City|County|District|Station|School|College|Hospital|Clinic|Park|Square"
    "|Bridge|Bay|Island|River|Lake|Mountain|Harbou?r|Port|Market|Hotel|Company|Group|Cent(?:re|er)|Community|Memorial|Temple"
    "|Museum|Library)"
)
NO_PLACE = rf"(?!(?: [\w-]+)?(?:'s)? {_PLACE_EN}\b)(?! (?i:{_PLACE_EN})\b)"
TITLED = rf"\b(?:Mr|Mrs|Ms|Miss|Dr|Prof)\.? {PINYIN}\b{NO_PLACE}"
WHOLE_EN = rf"\b{PINYIN} (?=[A-Z])(?i:{_SYLLABLE}-?{_SYLLABLE}|{_SYLLABLE})\b{NO_PLACE}"
