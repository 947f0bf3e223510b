import time, asyncio
from tests.delivery.test_ownership import *
async def test_x(settings, appraisal):
    t=time.time()
    def lap(n):
        nonlocal t; print(n, round(time.time()-t,2)); t=time.time()
    a = running(counting_worker(settings)); await a.__aenter__()
    n=0
    async def flow(name, expel=False):
        nonlocal n
        await put(settings, SHARES, records(shares(50))); n+=50
        await eventually(appraisal.counted(n), 60); lap(name)
    await flow("first")
    b = running(counting_worker(settings)); await b.__aenter__()
    lap("b entered"); await flow("x"); await flow("y"); await flow("z")
    print(await expel_members(settings, "appraisal")); lap("expelled")
    await flow("x"); await flow("y"); await flow("z")
    print(await expel_members(settings, "appraisal")); lap("expelled")
    await flow("x"); await flow("y"); await flow("z")
    await a.__aexit__(None,None,None); lap("a left")
    await flow("x"); await flow("y"); await flow("z")
    a = running(counting_worker(settings)); await a.__aenter__()
    await flow("x"); await flow("y"); await flow("z")
    await a.__aexit__(None,None,None); lap("a left")
    await b.__aexit__(None,None,None); lap("a left")
