"""More workers and fewer, while they run."""
from e2elib import alive, check, has, same, story


def fleet(c, *lines, name='web', mode=' sleep', count=4):
    return c.program(name, mode, f'numprocs={count}', 'startsecs=0',
                     'process_name=%(program_name)s_%(process_num)02d', *lines)


def numbers(d):
    return sorted(int(n.rsplit('_', 1)[1]) for n, pid in d.pids().items() if pid)


@story(nobody=True)
def scaling_up_starts_new_processes_and_touches_no_other(c):
    d = c.daemon(fleet(c))
    d.wait_all('RUNNING', 4)
    before = d.pids()
    same(d.scale('web', replicas=8), {'program': 'web', 'was': 4, 'replicas': 8, 'failed': []}, 'answer')
    d.wait_all('RUNNING', 8)
    same(numbers(d), list(range(8)), 'numbers')
    after = d.pids()
    same({n: after[n] for n in before}, before, 'pids of the first four')
    d.wait_log('scaled: web from 4 to 8')


@story(nobody=True)
def scaling_down_stops_the_highest_numbers_gracefully(c):
    d = c.daemon(fleet(c, 'exitcodes=0', mode=' echo', count=6))
    d.wait_all('RUNNING', 6)
    before = d.pids()
    d.scale('web', by=-4)
    same(numbers(d), [0, 1], 'numbers')
    same(d.names(), ['web:web_00', 'web:web_01'], 'names')
    check(not any(alive(before[f'web:web_{i:02d}']) for i in range(2, 6)), 'the others are gone')
    same(d.pids(), {n: before[n] for n in d.names()}, 'pids of those that stay')
    same(len(d.lines('terminated by SIGTERM')), 4, 'asked to stop')
    d.scale('web', by=+1)
    same(numbers(d), [0, 1, 2], 'numbers')
    d.scale('web', replicas=0)
    same(d.names(), [], 'names')
    d.scale('web', replicas=2)
    d.wait_all('RUNNING', 2)
    same(d.get('/v1/programs/web').json()['replicas'], 2, 'replicas')


@story(nobody=True)
def bounds_are_respected_and_refusals_change_nothing(c):
    d = c.daemon(fleet(c, 'numprocs_min=2', 'numprocs_max=5'))
    d.wait_all('RUNNING', 4)
    before = d.pids()
    for body in ({'replicas': 1}, {'replicas': 6}, {'by': -3}, {'by': 2}, {'replicas': -1},
                 {'replicas': 10 ** 9}):
        a = d.scale('web', 400, **body)
        same(a['code'], 'OUT_OF_RANGE', f'code for {body}')
    has(d.scale('web', 400, replicas=6)['detail'], 'numprocs_max', 'detail')
    for body in ({}, {'replicas': 3, 'by': 1}, {'replicas': 'many'}, {'by': 1.5}):
        same(d.scale('web', 400, **body)['code'], 'BAD_REQUEST', f'code for {body}')
    same(d.scale('absent', 404, replicas=1)['code'], 'BAD_NAME', 'code')
    same(d.pids(), before, 'pids')
    same(d.scale('web', replicas=5)['replicas'], 5, 'replicas')


@story(nobody=True)
def a_program_that_cannot_number_its_workers_is_told_what_to_add(c):
    d = c.daemon(c.program('lone', ' sleep', 'startsecs=0'))
    d.wait_all('RUNNING', 1)
    before = d.pids()
    a = d.scale('lone', 422, replicas=3)
    has(a['detail'], 'process_name=%(program_name)s_%(process_num)02d', 'detail')
    same(d.pids(), before, 'pids')


@story(nobody=True)
def the_count_survives_a_reload_unless_numprocs_changes(c):
    d = c.daemon(fleet(c))
    d.wait_all('RUNNING', 4)
    d.scale('web', replicas=6)
    before = d.pids()
    d.apply(fleet(c) + c.program('new', ' sleep', 'startsecs=0'))
    d.wait_all('RUNNING', 7)
    after = d.pids()
    same({n: after[n] for n in before}, before, 'pids')
    changes = d.apply(fleet(c, count=5) + c.program('new', ' sleep', 'startsecs=0'))
    d.wait_all('RUNNING', 6)
    same([n for n, x in changes.items() if x['action'] != 'live'], ['web:web_05'], 'changes')
    same(d.get('/v1/programs/web').json()['replicas'], 5, 'replicas')


@story(nobody=True)
def a_process_that_is_still_stopping_can_be_wanted_again(c):
    d = c.daemon(fleet(c, 'stopwaitsecs=1', mode=' ignore-term', count=2))
    d.wait_all('RUNNING', 2)
    d.wait_worker_log('web:web_01', 'ready')
    old = d.pids()['web:web_01']
    d.scale('web', None, replicas=1, wait=False)
    d.scale('web', None, replicas=2, wait=False)
    d.wait_process('web:web_01', lambda p: p['state'] == 'RUNNING' and p['pid'] != old, 'is new')
    same(numbers(d), [0, 1], 'numbers')


@story(nobody=True)
def a_program_of_several_groups_is_scaled_in_one_of_them(c):
    d = c.daemon(fleet(c, count=2) + '[group:a]\nprograms=web\n[group:b]\nprograms=web\n')
    d.wait_all('RUNNING', 4)
    d.scale('web', 409, replicas=3)
    d.scale('a:web', replicas=3)
    same(d.names(), ['a:web_00', 'a:web_01', 'a:web_02', 'b:web_00', 'b:web_01'], 'names')
    d.wait_all('RUNNING', 5)
