"""A daemon of which one in so many allocations fails, by chance (fail_alloc.c): it lives, refuses what it has no memory
for, and ends in order. `make alloc`, under AddressSanitizer. Everything is random from one seed, which is printed;
ALLOC_SEED repeats it, as far as its threads do, ALLOC_SECONDS says how long orders are given at each rate."""
import http.client
import mmap
import os
import random
import struct
import time
import xml.parsers.expat
import xmlrpc.client

from e2elib import (Failed, UnixConnection, check, has, same, story)

RATES = (3000, 500, 100, 20, 5)  # of so many one fails

WORKERS = '''[program:%s]
command=%s lines 100000000 20
process_name=%%(program_name)s_%%(process_num)d
numprocs=%d
numprocs_max=30
startsecs=0
startretries=1000000
restart_delay=50ms
restart_delay_factor=1
redirect_stderr=true
stdout_logfile_maxbytes=20KB
'''

ENDS = '''[program:ends]
command=/bin/sh -c "echo one more; sleep 0.1; exit 1"
startsecs=0
startretries=1000000
restart_delay=50ms
restart_delay_factor=1
'''


def rounds_take():
    return float(os.environ.get('ALLOC_SECONDS', 6))


class Shortage:
    """The page that is shared with the daemon; the same struct as in fail_alloc.c."""
    DICE, EVERY, ASKED, FAILED = range(4)

    def __init__(self, c):
        c.use_failing_allocations()
        self.seed = int(os.environ.get('ALLOC_SEED', random.SystemRandom().randrange(1 << 30)))
        print(f'     seed {self.seed}', flush=True)
        self.path = c.path('page')
        with open(self.path, 'w+b') as f:
            f.truncate(mmap.PAGESIZE)
            self.page = mmap.mmap(f.fileno(), mmap.PAGESIZE)
        self.put(self.DICE, self.seed)
        self.env = dict(os.environ, FAIL_ALLOC=self.path)
        self.rng = random.Random(self.seed)

    def put(self, at, number):
        struct.pack_into('=Q', self.page, at * 8, number)

    def get(self, at):
        return struct.unpack_from('=Q', self.page, at * 8)[0]

    def begin(self, every):
        self.put(self.EVERY, every)

    def end(self):
        self.put(self.EVERY, 0)

    def told(self):
        return f'{self.get(self.FAILED)} of {self.get(self.ASKED)} allocations failed, seed {self.seed}'


class Orders:
    """Whatever an operator may ask for, by chance."""

    def __init__(self, c, d, rng, texts):
        self.c, self.d, self.rng, self.texts = c, d, rng, texts
        self.refused = self.answered = 0

    def name(self):
        return self.rng.choice(('all', 'web:*', 'ends', f'web:web_{self.rng.randrange(5)}', 'api:api_0', 'none'))

    def request(self, method, path, body=None):
        a = self.d.request(method, path, body)
        failed = a.status == 500 and a.json().get('code') == 'FAILED'  # the order was understood, and came to nothing
        check(a.status < 500 or a.status in (503, 504) or failed, f'{method} {path} {body}: {a.status} {a.body[:300]!r}')
        self.refused += failed or a.status == 503
        self.answered += a.status < 500

    def order(self):
        what = self.rng.choice(('start', 'stop', 'restart'))
        self.request('POST', f'/v1/processes/{self.name()}/{what}', {'wait': self.rng.random() < 0.3, 'timeout_s': 1})

    def scale(self):
        self.request('POST', '/v1/programs/web/scale',
                     {'replicas': self.rng.randrange(1, 12), 'wait': self.rng.random() < 0.3, 'timeout_s': 1})

    def reload(self):
        self.d.configure(self.rng.choice(self.texts))
        self.request('POST', '/v1/reload', self.rng.choice(({}, {'dry_run': True}, {'wait': True, 'timeout_s': 1})))

    def look(self):
        self.request('GET', self.rng.choice((
            '/v1/processes', '/v1/info', '/v1/processes/ends', '/healthz', '/v1/programs', '/v1/programs/web', '/metrics',
            '/v1/logs/ends/stdout', '/v1/logs/web:web_0/stdout?tail=5000', '/v1/logs/ends/stdout?since=10s',
            '/v1/logs/main', '/')))

    def write(self):
        self.request('POST', f'/v1/processes/{self.name()}/stdin', {'data': 'x' * self.rng.randrange(1, 20000)})

    def signal(self):
        self.request('POST', f'/v1/processes/{self.name()}/signal', {'signal': 'CONT'})

    def rotate(self):
        self.request('POST', f'/v1/logs/{self.name()}/rotate', {})

    def call(self):
        group = self.rng.choice(('web', 'api', 'ends'))
        calls = self.rng.choice((
            (('getAllProcessInfo',),), (('getState',),), (('reloadConfig',),), (('getAllConfigInfo',),),
            (('readLog', -1000, 0),), (('tailProcessStdoutLog', 'ends', 0, 1000),),
            (('readProcessStdoutLog', 'ends', 0, 500),), (('clearProcessLogs', 'ends'),),
            (('stopProcessGroup', group), ('removeProcessGroup', group), ('addProcessGroup', group)),
            (('startProcess', 'ends', False), ('getProcessInfo', 'ends'), ('stopProcess', 'ends', False)),
            (('sendProcessStdin', 'ends', 'text\n'), ('sendRemoteCommEvent', 'a', 'b'), ('startAllProcesses', False))))
        if len(calls) == 1:
            body = xmlrpc.client.dumps(calls[0][1:], f'supervisor.{calls[0][0]}')
        else:
            body = xmlrpc.client.dumps(([{'methodName': f'supervisor.{name}', 'params': list(params)}
                                         for name, *params in calls],), 'system.multicall')
        a = self.d.request('POST', '/RPC2', body, {'Content-Type': 'text/xml'}, patience=self.c.patience)
        check(a.status in (200, 503), f'{calls}: {a.status} {a.body[:300]!r}')
        self.refused += a.status == 503
        self.answered += a.status == 200
        try:
            if a.status == 200:
                xmlrpc.client.loads(a.body)
        except xmlrpc.client.Fault:
            pass
        except xml.parsers.expat.ExpatError as e:
            raise Failed(f'{calls}: {e}: {a.body!r}')

    def follow(self):
        """Opens an event stream and closes it again."""
        conn = UnixConnection(self.d.socket, self.c.patience)
        try:
            conn.request('GET', self.rng.choice(('/v1/events', '/v1/logs/ends/stdout?follow=1', '/logtail/ends')))
            conn.getresponse()
            time.sleep(self.rng.random() * 0.05)
        finally:
            conn.close()

    def one(self):
        try:
            self.rng.choice((self.order, self.order, self.scale, self.reload, self.look, self.look, self.write,
                             self.signal, self.rotate, self.call, self.call, self.follow))()
        except (OSError, http.client.HTTPException) as e:  # there was no memory for the connection
            if 'timed out' in str(e):
                raise Failed(f'no answer: {e}')
            self.refused += 1


def lives(d, s, what):
    check(d.popen.poll() is None, f'{what}: it ended with {d.popen.returncode} ({s.told()}): {d.stderr()[-3000:]}')


def is_whole(c, d, texts, s):
    """Every order that was refused succeeds now."""
    s.end()
    c.wait(d.answers, 'it answers')
    d.apply(texts[0])
    # what is still on its way down from an order of before cannot be started yet
    c.wait(lambda: all(r['ok'] or r['code'] == 'ALREADY_STARTED' for r in d.order('all', 'start', None)['results']),
           'all are started', lambda: str(d.processes())[:1500])
    d.scale('web', None, replicas=4)
    names = sorted(['ends'] + [f'web:web_{i}' for i in range(4)] + ['api:api_0', 'api:api_1'])
    c.wait(lambda: sorted(d.names()) == names, 'its names', lambda: str(d.names()))
    c.wait(lambda: all(p['state'] == 'RUNNING' for p in d.processes() if p['name'] != 'ends'), 'all of them run',
           lambda: str([(p['name'], p['state'], p.get('spawn_error'), p.get('next_start_at')) for p in d.processes()
                        if p['state'] != 'RUNNING'])[:1500] + d.log()[-1500:])


def given(c):
    web, api = WORKERS % ('web', c.worker, 3), WORKERS % ('api', c.worker, 2)
    return [web + api + ENDS, web + ENDS, web.replace('50ms', '60ms') + api + ENDS,
            web + api + ENDS.replace('one more', 'two more')]


@story(alloc=True, slow=4)
def orders_are_refused_and_the_daemon_lives(c):
    s, texts = Shortage(c), given(c)
    d = c.daemon(texts[0], start=False, supervisord='statedir=state\nloglevel=debug')
    d.start(env=s.env)
    d.wait_process('web:web_2', lambda p: p['state'] == 'RUNNING', 'runs')
    for every in RATES:
        orders = Orders(c, d, s.rng, texts)
        s.begin(every)
        end = time.monotonic() + rounds_take()
        while time.monotonic() < end:
            try:
                orders.one()
            except Failed as e:
                lives(d, s, f'one of {every}')
                raise Failed(f'one of {every}: {e} ({s.told()})')
            lives(d, s, f'one of {every}')
        is_whole(c, d, texts, s)
        print(f'     one of {every}: {orders.answered} answered, {orders.refused} refused; {s.told()}', flush=True)
        check(orders.answered > 0, f'one of {every}: nothing was answered')
    check(s.get(s.FAILED) > 100, s.told())
    d.stop()


@story(alloc=True, slow=4)
def an_end_needs_no_memory(c):
    s, texts = Shortage(c), given(c)
    end = time.monotonic() + rounds_take()
    n = 0
    while time.monotonic() < end or n < len(RATES):
        every = RATES[n % 4]  # not the last: what is given back of the reserve is followed by success as a rule
        d = c.daemon(texts[0], name=f'd{n}', start=False)
        d.start(env=s.env)
        d.wait_process('web:web_2', lambda p: p['state'] == 'RUNNING', 'runs')
        s.begin(every)
        try:
            d.stop()
        except Failed as e:
            raise Failed(f'one of {every}: {e} ({s.told()})')
        s.end()
        n += 1


@story(alloc=True, slow=4)
def a_start_succeeds_or_says_why_not(c):
    s, texts = Shortage(c), given(c)
    end = time.monotonic() + rounds_take()
    n = began = 0
    while time.monotonic() < end or n < 10:
        every = (20, 100, 500, 1000, 3000)[n % 5]
        d = c.daemon(texts[0], name=f'd{n}', start=False)
        s.begin(every)
        d.launch(env=s.env)
        c.wait(lambda: d.popen.poll() is not None or d.answers(), f'one of {every}: it answers or has ended', s.told)
        s.end()
        if d.popen.returncode is None:
            began += 1
            d.stop()
        else:
            d.code = d.popen.returncode
            same(d.code, 2, f'one of {every}: exit code ({s.told()}): {d.stderr()[-2000:]}')
            has(d.stderr(), 'Error', f'one of {every}: stderr')
        n += 1
    print(f'     {began} of {n} began', flush=True)
