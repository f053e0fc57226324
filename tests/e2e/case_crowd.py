"""Thousands of strangers: what they use up is nothing that the operator or the fleet needs."""
import contextlib
import os
import resource
import signal
import socket
import time
import xmlrpc.client

from e2elib import Skipped, UnixTransport, check, free_port, resident_kb, same, story

CROWD = 1100
PATIENT_S = 5.0


def raise_own_limit(wanted):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < wanted:
        raise Skipped(f'RLIMIT_NOFILE is {hard}')
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


class Crowd:
    """Connections to a port that each say something and then neither read nor leave."""

    def __init__(self, port):
        self.port = port
        self.sockets = []

    def add(self, count, text):
        for _ in range(count):
            s = socket.socket()
            s.settimeout(PATIENT_S)
            self.sockets.append(s)
            # one that is turned away may be reset before it has said all
            with contextlib.suppress(OSError):
                s.connect(('127.0.0.1', self.port))
                s.sendall(text)

    def leave(self):
        for s in self.sockets:
            s.close()


def few_descriptors(count):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


CROWDS = {
    'half requests': b'GET / HTTP/1.1\r\nHost: localhost\r\nX: ',
    'nothing': b'',
    'refused': b'GET /v1/info HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'streams': b'GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'follows': b'GET /mainlogtail HTTP/1.1\r\nHost: localhost\r\n\r\n',
}


def check_served(d, what, times=20):
    worst = 0
    for _ in range(times):
        began = time.monotonic()
        same(d.get('/v1/info').status, 200, f'status on the Unix socket beside {what}')
        worst = max(worst, time.monotonic() - began)
    check(worst < PATIENT_S, f'beside {what} an answer took {worst:.1f} s')


@story(slow=3)
def strangers_on_tcp_keep_no_client_from_the_unix_socket(c):
    raise_own_limit(CROWD * 2 + 400)
    locked, opened = free_port(), free_port()
    for port, password in ((locked, 'username=u\npassword=p\n'), (opened, '')):
        d = c.daemon(c.program('w', ' sleep', 'startsecs=0'), name=f'd{port}',
                     sections=f'[inet_http_server]\nport=127.0.0.1:{port}\n{password}')
        for what, text in CROWDS.items():
            crowd = Crowd(port)
            crowd.add(CROWD, text)
            check_served(d, what)
            crowd.leave()
        d.stop()


@story(slow=2)
def a_client_with_the_password_is_served_beside_those_without(c):
    raise_own_limit(CROWD * 2 + 400)
    port = free_port()
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0'),
                 sections=f'[inet_http_server]\nport=127.0.0.1:{port}\nusername=u\npassword=p\n')
    crowd = Crowd(port)
    crowd.add(CROWD, CROWDS['half requests'])
    for _ in range(20):
        crowd.add(10, CROWDS['half requests'])  # renewed
        a = d.get('/v1/info', port=port, headers={'Authorization': 'Basic dTpw'})
        same(a.status, 200, 'status with the password')
    crowd.leave()


@story(slow=3)
def workers_are_started_again_however_many_clients_there_are(c):
    raise_own_limit(CROWD * 2 + 1200)
    port, count = free_port(), 50
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0', f'numprocs={count}', 'restart_delay=100ms',
                           'process_name=w_%(process_num)02d'),
                 sections=f'[inet_http_server]\nport=127.0.0.1:{port}\n', start=False)
    d.start(preexec=few_descriptors(1024))
    d.wait_all('RUNNING', count)
    crowd = Crowd(port)
    for text in CROWDS.values():
        crowd.add(CROWD // 2, text)
    before = d.pids()
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    for text in CROWDS.values():
        crowd.add(100, text)

    def all_run_again():
        found = d.processes()
        check(not [p for p in found if p['state'] == 'FATAL'], 'one is FATAL')
        return all(p['state'] == 'RUNNING' and p['pid'] != before[p['name']] for p in found)
    c.wait(all_run_again, 'all run again', lambda: d.log()[-800:])
    check(not d.lines('too many open files'), 'descriptors were short')
    crowd.leave()


# ---- memory

BIG = 16 << 20
MOST_KB = 100 * 1000


def check_small(d, what):
    kb = resident_kb(d.pid)
    if d.case.asan:  # whose allocator keeps what was freed
        return
    check(kb < MOST_KB, f'{kb} kB resident beside {what}')



def floods_have_one_bound(c, clients, bodies, body):
    raise_own_limit(3000)
    port = free_port()
    d = c.daemon(start=False, sections=f'[inet_http_server]\nport=127.0.0.1:{port}\n')
    d.text = c.program('w', ' sleep', 'startsecs=0', f'stdout_logfile={d.dir}/big')
    d.configure(d.text)
    with open(f'{d.dir}/big', 'w') as f:
        f.write(('x' * 1023 + '\n') * (BIG // 1024 - 1))
    d.start()
    d.wait_all('RUNNING', 1)
    call = ('<?xml version="1.0"?><methodCall><methodName>supervisor.readProcessStdoutLog</methodName><params>'
            '<param><value>w</value></param><param><value><int>0</int></value></param>'
            '<param><value><int>0</int></value></param></params></methodCall>').encode()
    post = b'POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n'
    floods = {
        'unread XML answers': post % (b'/RPC2', len(call)) + call,
        'unread parts of a log': b'GET /v1/logs/w/stdout HTTP/1.1\r\nHost: localhost\r\n\r\n',
        'follows of a log': b'GET /v1/logs/w/stdout?tail=500000&follow=1 HTTP/1.1\r\nHost: localhost\r\n\r\n',
        'large heads': b'GET / HTTP/1.1\r\nHost: localhost\r\nX: ' + b'x' * 60000,
    }
    for what, text in floods.items():
        crowd = Crowd(port)
        for _ in range(5):
            crowd.add(clients // 5, text)
            check_served(d, what, 4)
            check_small(d, what)
        crowd.leave()
    crowd = Crowd(port)
    for _ in range(5):
        crowd.add(bodies // 5, post % (b'/RPC2', BIG) + b' ' * body)
        check_served(d, 'bodies', 4)
        check_small(d, 'bodies')
    crowd.leave()


@story(slow=3)
def answers_for_clients_that_do_not_read_have_one_bound(c):
    floods_have_one_bound(c, 200, 60, 4 << 20)


@story(long=True, slow=12)
def answers_for_a_thousand_clients_have_one_bound(c):
    floods_have_one_bound(c, 1000, 1000, BIG)


def one_call_reads_many_logs(c, reads):
    d = c.daemon(start=False)
    d.configure(c.program('w', ' sleep', 'startsecs=0', f'stdout_logfile={d.dir}/big'))
    with open(f'{d.dir}/big', 'w') as f:
        f.write(('x' * 1023 + '\n') * (BIG // 1024 - 1))
    d.start()
    d.wait_all('RUNNING', 1)
    before = d.pids()
    rpc = xmlrpc.client.ServerProxy('http://localhost', transport=UnixTransport(d.socket, c.patience))
    read = {'methodName': 'supervisor.readProcessStdoutLog', 'params': ['w', 0, 0]}
    stop = {'methodName': 'supervisor.stopProcess', 'params': ['w']}
    got = rpc.system.multicall([read] * 3 + [stop])
    same([len(got[0]) > 1 << 20] + [x['faultCode'] for x in got[1:]], [True, 30, 30, 30], 'answers')
    same(d.pids(), before, 'what was not carried out')
    rpc.system.multicall([read] * reads)
    check_small(d, f'a call of {reads} reads')


@story(slow=2)
def many_logs_in_one_call_are_answered_with_faults_where_they_do_not_fit(c):
    one_call_reads_many_logs(c, 5000)


@story(long=True, slow=4)
def thousands_of_logs_in_one_call_are_answered_with_faults(c):
    one_call_reads_many_logs(c, 12500)
