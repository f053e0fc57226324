"""The control socket: limits, strangers, slow readers, and events that can be resumed."""
import base64
import os
import resource
import select
import socket
import threading
import time

from e2elib import Events, Skipped, check, free_port, has, resident_kb, same, story


def connect(d, patience=None):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(patience or d.case.patience)
    s.connect(d.socket)
    return s


def read_all(s):
    """Reads until the server closes."""
    data = b''
    while True:
        try:
            more = s.recv(65536)
        except ConnectionResetError:
            return data
        if not more:
            return data
        data += more


def status_of(data):
    return int(data.split(b' ', 2)[1]) if data.startswith(b'HTTP/1.') else None


@story(nobody=True)
def headers_of_more_than_64_kib_are_refused(c):
    d = c.daemon()
    a = d.get('/v1/info', headers={'X-Long': 'x' * 60000})
    same(a.status, 200, 'status of a large one')
    with connect(d) as s:
        s.sendall(b'GET /v1/info HTTP/1.1\r\nHost: localhost\r\n')
        try:
            for _ in range(80):
                s.sendall(b'X-Long: ' + b'x' * 1000 + b'\r\n')
            s.sendall(b'\r\n')
        except (BrokenPipeError, ConnectionResetError):
            pass
        same(status_of(read_all(s)), 431, 'status of one too large')
    with connect(d) as s:
        s.sendall(b'GET /' + b'y' * 70000 + b' HTTP/1.1\r\n\r\n')
        check(status_of(read_all(s)) in (414, 431), 'status of a long target')
    check(d.answers(), 'it answers')


@story(nobody=True)
def bodies_of_more_than_16_mib_are_refused(c):
    d = c.daemon()
    before = resident_kb(d.pid)
    with connect(d) as s:
        s.sendall(b'POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n'
                  b'Content-Length: %d\r\n\r\n' % ((16 << 20) + 1))
        same(status_of(s.recv(4096)), 413, 'status by its length')
    with connect(d) as s:
        s.sendall(b'POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n'
                  b'Transfer-Encoding: chunked\r\n\r\n')
        chunk = b'10000\r\n' + b'z' * 65536 + b'\r\n'
        try:
            for _ in range(300):
                s.sendall(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass
        same(status_of(read_all(s)), 413, 'status in chunks')
    body = b'<?xml version="1.0"?><methodCall><methodName>supervisor.getPID</methodName>' \
           b'<params></params></methodCall>' + b' ' * (15 << 20)
    a = d.request('POST', '/RPC2', body, headers={'Content-Type': 'text/xml'})
    same(a.status, 200, 'status of 15 MiB')
    has(a.body.decode(), f'<int>{d.pid}</int>', 'answer')
    if not c.asan:  # whose allocator keeps what was freed
        c.wait(lambda: resident_kb(d.pid) < before + 24000, 'the memory is given back')


@story(nobody=True)
def nonsense_is_refused_and_does_no_harm(c):
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0'))
    d.wait_all('RUNNING', 1)
    before = d.pids()
    for text in (b'\x00\x01\x02\x03\r\n\r\n', b'GET\r\n\r\n', b'\x16\x03\x01\x02\x00\x01' * 20 + b'\r\n\r\n',
                 b'GET / HTTP/9.9\r\n\r\n', b'POST /v1/reload HTTP/1.1\r\nContent-Length: -5\r\n\r\n',
                 b'POST /RPC2 HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nabcdefg',
                 b'POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
                 b'GET /v1/processes/%00%ff HTTP/1.1\r\nHost: localhost\r\n\r\n'):
        with connect(d) as s:
            s.sendall(text)
            s.shutdown(socket.SHUT_WR)
            data = read_all(s)
            check(not data or 400 <= status_of(data) < 600, f'answer to {text!r}: {data[:80]!r}')
    for body in (b'{', b'[]', b'"x"', b'{"plan": 7}', b'{"plan":' * 5000, b'\xff\xfe'):
        same(d.request('POST', '/v1/reload', body).status, 400, f'status of {body[:20]!r}')
    for body in (b'', b'<x/>', b'<!DOCTYPE x [<!ENTITY a "b">]><methodCall/>', b'<' * 1000):
        a = d.request('POST', '/RPC2', body, headers={'Content-Type': 'text/xml'})
        check(a.status in (400, 500) or b'<fault>' in a.body, f'{body[:20]!r}: {a.status}')
    for path in ('/v1/nothing', '/v1/processes/x/y/z', '/nowhere'):
        same(d.get(path).status, 404, f'status of {path}')
    check(d.request('DELETE', '/v1/info').status in (400, 405, 501), 'DELETE is refused')
    same(d.pids(), before, 'pids')


@story(nobody=True)
def six_hundred_connections_are_served_side_by_side(c):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2000:
        raise Skipped(f'RLIMIT_NOFILE is {hard}')
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2000), hard))
    d = c.daemon()
    held = []
    try:
        for _ in range(600):
            held.append(connect(d))
        for s in held:
            s.sendall(b'GET /v1/in')
        check(d.answers(), 'one more is served beside them')
        for s in held:
            s.sendall(b'fo HTTP/1.1\r\nHost: localhost\r\n\r\n')
        for s in held:
            same(status_of(s.recv(4096)), 200, 'status')
    finally:
        for s in held:
            s.close()


@story(nobody=True)
def requests_follow_each_other_on_one_connection(c):
    d = c.daemon()
    one = b'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: mine-%d\r\n%s\r\n'
    with connect(d) as s:
        s.sendall(b''.join(one % (i, b'Connection: close\r\n' if i == 49 else b'')
                           for i in range(50)))
        data = read_all(s).decode()
    same(data.count('HTTP/1.1 200'), 50, 'answers')
    at = [data.index(f'X-Request-Id: mine-{i}\r\n') for i in range(50)]
    same(at, sorted(at), 'order')
    with connect(d) as s:
        for byte in b'GET /healthz HTTP/1.0\r\n\r\n':
            s.sendall(bytes([byte]))
        has(read_all(s).decode(), '\r\n\r\nok', 'answer to HTTP/1.0, byte by byte')


@story(nobody=True)
def passwords_are_asked_for(c):
    port = free_port()
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0'), start=False,
                 server='username=user\npassword=secret',
                 sections=f'[inet_http_server]\nport=127.0.0.1:{port}\nusername=user\n'
                          'password=secret\n')
    d.launch()
    c.wait(d.answers, 'health needs no password')
    for path in ('/v1/info', '/', '/v1/events', '/v1/logs/main'):
        same(d.get(path).status, 401, f'status of {path}')
    same(d.request('POST', '/RPC2', b'').status, 401, 'status of /RPC2')

    def with_password(word):
        return {'Authorization': 'Basic ' + base64.b64encode(word).decode()}
    form = {**with_password(b'user:secret'), 'Content-Type': 'text/plain'}
    a = d.request('POST', '/v1/processes/w/stop', '{}', headers=form, port=port)
    same(a.status, 400, 'status of what a web page could send over TCP')
    same(d.get('/v1/info', headers=with_password(b'user:wrong')).status, 401, 'status')
    for _ in range(2):
        same(d.get('/v1/info', port=port, headers=with_password(b'user:wrong')).status, 401, 'status')
    d.wait_log('1 wrong password from 127.0.0.1')
    same(len(d.lines('from 127.0.0.1')), 1, 'lines about it')
    check('wrong' not in d.log().replace('wrong password', ''), 'the guess is not written down')
    same(d.get('/v1/info', headers=with_password(b'user:secret')).status, 200, 'status')
    a = d.get('/v1/info', headers={'Authorization': 'Basic ###'})
    check(a.status in (400, 401), f'status of garbled words: {a.status}')


@story(nobody=True)
def a_tcp_server_without_password_obeys_over_v1_as_over_xml_rpc(c):
    port = free_port()
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0'),
                 sections=f'[inet_http_server]\nport=127.0.0.1:{port}\n')
    d.wait_all('RUNNING', 1)
    before = d.pids()
    same(d.get('/v1/info', port=port).status, 200, 'status of a read')
    a = d.get('/v1/info', port=port, headers={'Host': 'evil.example'})
    same(a.status, 403, 'status under a foreign name')
    same(d.request('POST', '/v1/processes/w/stop', {}, port=port, headers={'Host': 'evil.example'}).status, 403,
         'status of an order under a foreign name')
    same(d.pids(), before, 'pids')
    same(d.request('POST', '/v1/processes/w/stop', {}, port=port).status, 200, 'status of an order')


@story(nobody=True)
def web_pages_give_no_orders_whatever_the_path(c):
    """As a browser sends it that remembers the password; clients of XML-RPC send none of it."""
    locked, opened = free_port(), free_port()
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0'),
                 sections=f'[inet_http_server:a]\nport=127.0.0.1:{locked}\nusername=u\npassword=p\n'
                          f'[inet_http_server:b]\nport=127.0.0.1:{opened}\n'
                          'allowed_hosts=panel.example\n')
    d.wait_all('RUNNING', 1)
    before = d.pids()
    stop = ('<?xml version="1.0"?><methodCall><methodName>supervisor.stopProcess</methodName><params>'
            '<param><value><string>w</string></value></param></params></methodCall>')
    paths = (('POST', '/RPC2', stop), ('POST', '/v1/processes/w/stop', '{}'), ('GET', '/', None),
             ('GET', '/tail.html?processname=w', None), ('GET', '/logtail/w', None),
             ('GET', '/mainlogtail', None), ('GET', '/v1/logs/main', None), ('GET', '/v1/events', None))
    for port in (locked, opened):
        foreign = [{'Origin': 'http://evil.example'}, {'Origin': 'null'},
                   {'Origin': f'http://127.0.0.1:{port + 1}'}, {'Sec-Fetch-Site': 'cross-site'},
                   {'Sec-Fetch-Site': 'same-site'}]
        if port == opened:
            foreign.append({'Host': 'evil.example'})
        for headers in foreign:
            for method, path, body in paths:
                a = d.request(method, path, body, port=port,
                              headers={'Content-Type': 'text/plain', 'Authorization': 'Basic dTpw',
                                       **headers})
                same(a.status, 403, f'status of {path} with {headers}')
                has(a.body.decode(), 'allowed_hosts', 'its text')
            same(d.get('/healthz', port=port, headers=headers).status, 200, 'status of /healthz')
    same(d.pids(), before, 'pids')
    a = d.get('/', port=opened, headers={'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate'})
    same(a.status, 200, 'status of a link that was followed')
    same(d.get('/v1/info', port=opened, headers={'Host': 'panel.example'}).status, 200,
         "status under a proxy's name")
    a = d.request('POST', '/RPC2', stop, port=locked,
                  headers={'Authorization': 'Basic dTpw', 'Host': 'proxy.example',
                           'Origin': 'https://proxy.example', 'Sec-Fetch-Site': 'same-origin'})
    same(a.status, 200, 'status behind a proxy with the password')
    same(d.process('w')['state'], 'STOPPED', 'state')


@story(nobody=True)
def events_have_numbers_and_can_be_resumed(c):
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0', 'autostart=false'))
    e = Events(d)
    d.order('w', 'start')
    seen = e.until(lambda i, t, x: x.get('to') == 'RUNNING', 'w is RUNNING')
    same([(x['name'], x['from'], x['to']) for _, t, x in seen],
         [('w', 'STOPPED', 'STARTING'), ('w', 'STARTING', 'RUNNING')], 'events')
    e.close()
    d.order('w', 'stop')
    d.reload()
    e = Events(d, last=seen[0][0])
    again = e.until(lambda i, t, x: t == 'config.applied', 'config.applied')
    same(again[0], seen[1], 'the first of the resumed')
    same([x['to'] for _, t, x in again[:-1]], ['RUNNING', 'STOPPING', 'STOPPED'], 'states')
    numbers = [x['seq'] for _, _, x in seen[:1] + again]
    same(numbers, list(range(numbers[0], numbers[0] + len(numbers))), 'numbers')
    e.close()
    e = Events(d, types='config.*', last=seen[0][0])
    same(e.next()[1], 'config.applied', 'type')
    e.close()
    e = Events(d, last='0123456789abcdef.1')  # of another life
    same(e.next()[1], 'stream.gap', 'type')
    e.close()


@story(nobody=True)
def a_client_that_was_away_too_long_is_told_of_the_gap(c):
    d = c.daemon(c.program('w', ' exit 1', 'startsecs=0', 'autorestart=true', 'restart_delay=0',
                           'autostart=false'))
    e = Events(d)
    d.order('w', 'start', None, wait=False)
    first = e.next()
    e.close()
    d.wait_log("spawned: 'w'", 500)
    d.order('w', 'stop', None)
    d.wait_state('w', ('STOPPED', 'EXITED'))
    e = Events(d, last=first[0])
    _, kind, data = e.next()
    same(kind, 'stream.gap', 'type')
    check(data['missed'] > 100, f'missed {data["missed"]}')
    same(e.next()[2]['seq'], first[2]['seq'] + data['missed'] + 1, 'number after the gap')
    e.close()


@story(nobody=True)
def a_slow_reader_of_events_is_dropped_and_costs_little(c):
    d = c.daemon(c.program('w', ' exit 1', 'startsecs=0', 'autorestart=true', 'restart_delay=0',
                           'numprocs=4', 'process_name=%(process_num)d', 'autostart=false'))
    before = resident_kb(d.pid)
    slow = connect(d)
    slow.sendall(b'GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n')
    has(slow.recv(300).decode(), ' 200 ', 'answer')
    d.order('w:*', 'start', None, wait=False)
    e = Events(d)  # a client that reads gets everything meanwhile

    end = time.monotonic() + c.patience
    while not closed(slow):  # a megabyte may wait, then it is over
        check(time.monotonic() < end, f'the slow one is still there after '
              f'{len(d.lines("spawned: "))} starts')
        for _ in range(500):
            e.next()
    if not c.asan:
        grown = resident_kb(d.pid) - before
        check(grown < 12000, f'the daemon has grown by {grown} KB')
    seq = e.next()[2]['seq']
    same(e.next()[2]['seq'], seq + 1, 'the next number of the other reader')
    e.close()
    slow.close()
    d.order('w:*', 'stop', None)


def closed(s):
    """Whether the server has closed a socket that we do not read."""
    p = select.poll()
    p.register(s, select.POLLHUP | select.POLLRDHUP)
    return bool(p.poll(0))


@story(nobody=True)
def an_order_is_logged_with_its_caller(c):
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0'))
    d.wait_all('RUNNING', 1)
    d.request('POST', '/v1/processes/w/stop', {}, headers={'X-Request-Id': 'who-was-it'})
    line, = d.lines('request who-was-it')
    has(line, f'uid {os.getuid()}, pid {os.getpid()}', 'line')


@story(nobody=True)
def a_client_that_leaves_before_the_answer_is_forgotten(c):
    d = c.daemon(c.program('w', ' sleep', 'startsecs=3', 'autostart=false'))
    for _ in range(20):
        with connect(d) as s:
            body = b'{"wait": true}'
            s.sendall(b'POST /v1/processes/w/start HTTP/1.1\r\nHost: localhost\r\n'
                      b'Content-Type: application/json\r\nContent-Length: %d\r\n\r\n' % len(body)
                      + body)
    d.wait_log("spawned: 'w'")
    d.wait_state('w', 'RUNNING')
    check(d.answers(), 'it answers')


@story(nobody=True)
def an_order_that_waits_too_long_is_answered_in_time(c):
    d = c.daemon(c.program('w', ' sleep', 'startsecs=600', 'autostart=false'))
    a = d.order('w', 'start', 504, wait=True, timeout_s=0.3)
    same(a['code'], 'TIMEOUT', 'code')
    same(d.process('w')['state'], 'STARTING', 'state')


@story(nobody=True)
def a_stop_that_is_overtaken_by_a_restart_is_answered(c):
    d = c.daemon(c.program('w', ' ignore-term', 'stopwaitsecs=1', 'startsecs=0'))
    d.wait_worker_log('w', 'ready')
    old = d.pids()['w']
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(d.rpc().stopProcess('w')))
    waiting.start()
    d.wait_state('w', 'STOPPING')
    d.order('w', 'restart')
    waiting.join()
    same(answers, [True], 'answer to the stop')
    check(d.pids()['w'] not in (None, old), 'a new one runs')


@story(nobody=True)
def many_clients_at_once_get_their_answers(c):
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0', 'numprocs=10',
                           'process_name=%(process_num)d'))
    d.wait_all('RUNNING', 10)
    wrong = []

    def client(number):
        try:
            for i in range(10):
                if number % 2:
                    same(len(d.processes()), 10, 'processes')
                else:
                    d.order(f'w:{number // 2}', 'restart')
        except Exception as e:
            wrong.append(e)
    threads = [threading.Thread(target=client, args=(n,)) for n in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check(not wrong, f'{len(wrong)} clients failed: {wrong[:1]}')
    d.wait_all('RUNNING', 10)


@story(soak=True)
def a_client_that_never_finishes_its_request_is_cut_off(c):
    d = c.daemon()
    with connect(d, 120) as s:
        began = time.monotonic()
        s.sendall(b'GET /v1/info HTT')
        data = read_all(s)
        check(time.monotonic() - began >= 55, 'it had its minute')
        check(not data or status_of(data) == 408, f'answer {data[:60]!r}')
    check(d.answers(), 'it answers')


@story(nobody=True)
def an_order_is_in_the_main_log_before_its_answer_is_sent(c):
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0', 'autostart=false'))
    for i in range(1, 101):
        d.rpc().startProcess('w')
        same(d.log().count("spawned: 'w' with pid"), i, 'starts in the log')
        d.order('w', 'stop')
        same(d.log().count('stopped: w ('), i, 'stops in the log')


@story(nobody=True)
def a_state_is_in_the_main_log_before_it_is_shown(c):
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0', 'restart_delay=0'))
    pid = d.wait_state('w', 'RUNNING')['pid']
    for i in range(1, 51):
        os.kill(pid, 9)
        while d.process('w')['pid'] in (None, pid):
            pass
        same(d.log().count('terminated by SIGKILL; not expected'), i, 'ends in the log')
        pid = d.process('w')['pid']
