"""Processes that go while clients wait for them. What it is really about is what AddressSanitizer says
(`make asan`); without it the daemon has to live through it, and to answer."""
import contextlib
import http.client
import json
import os
import random
import threading
import time
import xmlrpc.client

from e2elib import (Failed, UnixConnection, UnixTransport, check, has, same, story)

CLIENTS = 8

# Ends at once and comes back: what lies on the heap is never the same for long.
CRASHES = '''[program:crash]
command=/bin/sh -c "sleep 0.05; exit 1"
process_name=crash_%(process_num)d
numprocs=6
autorestart=true
startsecs=0
restart_delay=50ms
restart_delay_factor=1
stdout_logfile=NONE
stderr_logfile=NONE
'''


def fleet(c, name, count, *lines):
    return c.program(name, ' sleep', f'numprocs={count}', 'numprocs_max=100',
                     'process_name=%(program_name)s_%(process_num)d', *lines)


def multicall(d, *calls):
    proxy = xmlrpc.client.ServerProxy('http://localhost', transport=UnixTransport(d.socket, d.case.patience))
    return proxy.system.multicall([{'methodName': f'supervisor.{name}', 'params': list(params)}
                                   for name, *params in calls])


def in_background(fn):
    """Runs fn in a thread; returns a function that waits for its result."""
    box = {}

    def run():
        try:
            box['value'] = fn()
        except Exception as e:  # raised where the result is asked for
            box['error'] = e
    t = threading.Thread(target=run)
    t.start()

    def result():
        t.join()
        if 'error' in box:
            raise box['error']
        return box['value']
    return result


def two_scales(c, rounds):
    """What the first one has started is freed before its client is answered."""
    d = c.daemon(fleet(c, 'fleet', 5, 'startsecs=2') + CRASHES)
    d.wait_process('fleet:fleet_4', lambda p: p['state'] in ('STARTING', 'RUNNING'), 'runs')
    for _ in range(rounds):
        first = in_background(lambda: d.scale('fleet', replicas=30))
        c.wait(lambda: any(n == 'fleet:fleet_29' for n in d.names()), 'the first order is given')
        d.scale('fleet', replicas=12)
        answer = first()
        same(answer['replicas'], 30, 'replicas in the first answer')
        gone = sorted(f['name'] for f in answer['failed'])
        same(gone, sorted(f'fleet:fleet_{i}' for i in range(12, 30)), 'those that went again')
        for f in answer['failed']:
            same(f['code'], 'ABNORMAL_TERMINATION', f'code of {f["name"]}')
            check(f['state'], f'{f["name"]} has the state that it was answered in')
        d.scale('fleet', replicas=5)


@story
def a_process_that_came_and_went_is_listed_by_the_first_scale(c):
    two_scales(c, 3)


@story(long=True, slow=4)
def a_process_that_came_and_went_is_listed_each_time(c):
    two_scales(c, 50)


@story
def a_process_that_a_reload_removes_is_listed_too(c):
    d = c.daemon(fleet(c, 'fleet', 2, 'startsecs=2') + CRASHES)
    d.wait_state('fleet:fleet_0', 'RUNNING')
    d.wait_state('fleet:fleet_1', 'RUNNING')
    first = in_background(lambda: d.scale('fleet', replicas=9))
    c.wait(lambda: 'fleet:fleet_8' in d.names(), 'the first order is given')
    d.apply(CRASHES)
    same(sorted(f['name'] for f in first()['failed']), [f'fleet:fleet_{i}' for i in range(2, 9)], 'those that went')


@story
def a_process_that_failed_at_once_and_went_is_listed_too(c):
    d = c.daemon(fleet(c, 'fleet', 2, 'startsecs=2') + CRASHES
                 + '[program:none]\ncommand=/nonexistent/worker\nautostart=false\nnumprocs=1\nnumprocs_max=50\n'
                   'process_name=%(program_name)s_%(process_num)d\nstdout_logfile=NONE\nstderr_logfile=NONE\n')
    for _ in range(5):
        first = in_background(lambda: d.scale('none', replicas=9))
        time.sleep(0.05)
        d.scale('none', replicas=1)
        for f in first()['failed']:
            has(f['name'], 'none:none_', 'name')


@story
def a_call_of_many_removes_what_its_first_call_stopped(c):
    """The second is called when the first one is answered: not from within the end of the process that it
    removes."""
    d = c.daemon(fleet(c, 'web', 4, 'startsecs=0') + c.program('other', ' sleep', 'startsecs=0'))
    d.wait_all('RUNNING', 5)
    for _ in range(5):
        results = multicall(d, ('stopProcessGroup', 'web'), ('removeProcessGroup', 'web'), ('addProcessGroup', 'web'),
                            ('startProcessGroup', 'web'), ('stopProcess', 'web:web_2'), ('getProcessInfo', 'web:web_2'))
        same(results[1:3], [True, True], 'removed and added')
        same(len(results[3]), 0, 'started by startProcessGroup (they are up already)')
        same(results[4:5], [True], 'stopped')
        same(results[5]['statename'], 'STOPPED', 'state of the one that was stopped')


# ---- random clients

class Crowd:
    def __init__(self, c, seed, orders, seconds):
        self.c, self.orders, self.seed = c, orders, seed
        self.end = time.monotonic() + seconds
        self.given = 0
        self.lock = threading.Lock()
        self.texts = [self.text(3, True), self.text(5, True), self.text(3, False)]
        self.d = c.daemon(self.texts[0])
        self.errors = []

    def text(self, count, both):
        web = fleet(self.c, 'web', count, 'startsecs=0', 'stopwaitsecs=2')
        api = fleet(self.c, 'api', 2, 'startsecs=1') if both else ''
        return web + api + CRASHES

    def more(self):
        with self.lock:
            self.given += 1
            return self.given <= self.orders and time.monotonic() < self.end and not self.errors

    def request(self, rng, path, body, leave=False):
        conn = UnixConnection(self.d.socket, self.c.patience)
        with contextlib.closing(conn):
            conn.request('POST', path, json.dumps(body), {'Content-Type': 'application/json'})
            if leave:
                time.sleep(rng.random() * 0.02)
                return
            answer = conn.getresponse()
            data = answer.read()
            check(answer.status < 500 or answer.status in (503, 504),
                  f'{path} {body}: {answer.status} {data[:300]!r}')

    def call(self, rng):
        group = rng.choice(('web', 'api', 'crash'))
        names = rng.sample(('stopProcessGroup', 'removeProcessGroup', 'addProcessGroup', 'startProcessGroup'), 3)
        multicall(self.d, *((name, group) for name in names))  # faults are among the results

    def reload(self, rng):
        with self.lock:
            self.d.configure(rng.choice(self.texts))
        self.request(rng, '/v1/reload', {'wait': rng.random() < 0.5} if rng.random() < 0.5 else {})

    def one(self, rng):
        leave = rng.random() < 0.2
        timing = {'wait': rng.random() < 0.7, 'timeout_s': rng.choice((0.05, 0.5, 3))}
        what = rng.randrange(10)
        if what < 4:
            self.request(rng, f'/v1/programs/{rng.choice(("web", "api", "crash"))}/scale',
                         {'replicas': rng.randrange(0, 12), **timing}, leave)
        elif what < 8:
            name = rng.choice(('all', 'web:*', 'api:', 'crash:crash_1', 'web:web_0', f'web:web_{rng.randrange(9)}'))
            self.request(rng, f'/v1/processes/{name}/{rng.choice(("start", "stop", "restart", "restart"))}',
                         timing, leave)
        elif what < 9:
            self.call(rng)
        else:
            self.reload(rng)

    def client(self, number):
        rng = random.Random(f'{self.seed}/{number}')
        while self.more():
            try:
                self.one(rng)
            except Failed as e:
                self.errors.append(str(e))
            except (OSError, http.client.HTTPException) as e:
                if self.d.popen.poll() is not None or 'timed out' in str(e):
                    self.errors.append(f'{type(e).__name__}: {e}')

    def run(self):
        threads = [threading.Thread(target=self.client, args=(i,)) for i in range(CLIENTS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        check(not self.errors, f'seed {self.seed}: {self.errors[:3]} {self.d.stderr()[-3000:]}')
        same(self.d.popen.poll(), None, f'the daemon lives (seed {self.seed})')
        self.d.apply(self.texts[0])
        self.d.scale('web', replicas=2)
        has(' '.join(self.d.names()), 'web:web_1', 'names')


def seed():
    return int(os.environ.get('CROWD_SEED', random.randrange(1 << 30)))


@story(busy=True)
def eight_clients_that_order_at_random_bring_nothing_down(c):
    Crowd(c, seed(), 1500, 10).run()


@story(long=True, slow=4)
def eight_clients_order_at_random_for_long(c):
    Crowd(c, seed(), 20000, 240).run()
