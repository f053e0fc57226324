"""FastCGI programs behind a real web server: nginx asks, workers that share one socket answer."""
import os
import shutil
import signal
import socket
import urllib.error
import urllib.request

from e2elib import Skipped, check, free_port, has, read_file, same, story, write_file

# As small as a FastCGI responder can be: one connection after the other on the descriptor 0.
RESPONDER = r'''
import os, socket, struct, sys

def record(kind, request, data):
    return struct.pack('>BBHHBx', 1, kind, request, len(data), 0) + data

def read_exactly(conn, size):
    data = b''
    while len(data) < size:
        more = conn.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data

def serve(conn):
    params = b''
    while True:
        _, kind, request, size, pad = struct.unpack('>BBHHBx', read_exactly(conn, 8))
        data = read_exactly(conn, size)
        read_exactly(conn, pad)
        params += data if kind == 4 else b''
        if kind == 5 and size == 0:
            break
    if b'/die' in params:
        os._exit(1)
    text = f'pid {os.getpid()} of {os.environ["SUPERVISOR_GROUP_NAME"]}\n'
    body = f'Content-Type: text/plain\r\n\r\n{text}'.encode()
    conn.sendall(record(6, request, body) + record(6, request, b'')
                 + record(3, request, struct.pack('>IBxxx', 0, 0)))

listener = socket.socket(fileno=0)
while True:
    conn, _ = listener.accept()
    try:
        serve(conn)
    except EOFError:
        pass
    conn.close()
'''

NGINX = '''
daemon off;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
{user}
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3;
    uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            fastcgi_pass {upstream};
            fastcgi_param REQUEST_URI $request_uri;
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_read_timeout 30s;
        }}
    }}
}}
'''


def ask(port, path='/'):
    try:
        with urllib.request.urlopen(f'http://127.0.0.1:{port}{path}', timeout=30) as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        e.close()
        return e.code, ''
    except urllib.error.URLError:
        return 0, ''


def begin(c, socket_key, upstream, group):
    if not shutil.which('nginx'):
        raise Skipped('there is no nginx')
    port = free_port()
    write_file(c.path('responder.py'), RESPONDER)
    user = 'user root;' if os.getuid() == 0 else ''
    conf = write_file(c.path('nginx.conf'), NGINX.format(dir=c.dir, port=port, upstream=upstream,
                                                         user=user))
    d = c.daemon(f'[fcgi-program:app]\ncommand=python3 {c.path("responder.py")}\n'
                 f'socket={socket_key}\nnumprocs=3\nprocess_name=app_%(process_num)d\nstartsecs=0\n'
                 'autorestart=true\nrestart_delay=10ms\n'
                 f'[program:nginx]\ncommand={shutil.which("nginx")} -c {conf}\nstartsecs=0\n'
                 'stopsignal=QUIT\n' + (f'[group:{group}]\nprograms=app,nginx\n' if group else ''))
    d.wait_all('RUNNING', 4)
    c.wait(lambda: ask(port)[0] == 200, 'nginx answers')
    return d, port


def tell(c, d, port, group):
    answers = set()

    def two_have_answered(): # the kernel picks who accepts: one may be quick for long
        answers.update(ask(port)[1] for _ in range(20))
        return len(answers) > 1
    c.wait(two_have_answered, 'a second worker takes a share')
    workers = [p for p in d.processes(f'{group}:app_*')]
    check(answers <= {f'pid {p["pid"]} of {group}\n' for p in workers}, f'answers {answers}')
    # one dies in the middle of a request: that one fails, the others do not notice
    check(ask(port, '/die')[0] >= 500, 'a request whose worker dies fails')
    same([ask(port)[0] for _ in range(20)], [200] * 20, 'answers after a death')
    # while all are down a request waits in the socket's queue and is not refused
    for p in workers:
        d.order(p['name'], 'stop')
    asking = c.helper(['python3', '-c', 'import urllib.request as u, sys\n'
                       f'sys.exit(u.urlopen("http://127.0.0.1:{port}/", timeout=30).status - 200)'])
    c.wait(lambda: asking.poll() is None, 'the request waits')
    for p in workers:
        d.order(p['name'], 'start')
    c.wait(lambda: asking.poll() is not None, 'the request is answered')
    same(asking.returncode, 0, 'exit code of the client that asked while all were down')


@story(nobody=True)
def nginx_is_served_over_a_unix_socket(c):
    path = c.path('app.sock')
    d, port = begin(c, f'unix://{path}', f'unix:{path}', None)
    tell(c, d, port, 'app')
    d.stop()
    check(not os.path.lexists(path), 'the socket is left behind')


@story(nobody=True)
def nginx_is_served_over_tcp_by_a_program_of_a_group(c):
    port = free_port()
    d, http = begin(c, f'tcp://localhost:{port}', f'127.0.0.1:{port}', 'site')
    tell(c, d, http, 'site')


def accepts(port):
    with socket.socket() as s:
        return s.connect_ex(('127.0.0.1', port)) == 0


@story(nobody=True)
def a_socket_that_cannot_be_bound_refuses_the_reload_and_says_why(c):
    def fcgi(name, where):
        return c.program(name, ' sleep', f'socket={where}', 'startsecs=0').replace('[program:', '[fcgi-program:')
    taken = socket.socket()
    taken.bind(('127.0.0.1', 0))
    taken.listen()
    port, other = taken.getsockname()[1], free_port()
    write_file(c.path('file'), 'a file of its own')
    bad = {
        f'tcp://127.0.0.1:{port}': 'Address already in use',
        f'tcp://localhost:{port}': 'Address already in use',
        f'tcp://*:{port}': 'Address already in use',
        f'tcp://192.0.2.1:{port}': 'Cannot assign requested address',
        'tcp://no-such-host.invalid:80': 'look up no-such-host.invalid',
        f'unix://{c.dir}/none/s.sock': 'No such file or directory',
        f'unix://{c.dir}/{"x" * 120}': 'at most 107 bytes',
        f'unix://{c.dir}/file': 'not a socket',
    }
    plain = c.program('a', ' sleep', 'startsecs=0')
    d = c.daemon(plain + fcgi('f', f'tcp://127.0.0.1:{other}'))
    d.wait_all('RUNNING', 2)
    before = d.pids()

    def refused(words, why, what):
        code, out, err = d.ctl(*words)
        same(code, 1, f'exit code of {words}, {what}: {out + err}')
        check(why.lower() in (out + err).lower(), f'{words}, {what}: {out + err}')
        same({n: p for n, p in d.pids().items() if n in before}, before, f'pids after {words}, {what}')
        check(accepts(other), f'the old socket after {words}, {what}')
    for where, why in bad.items():
        d.configure(plain + fcgi('f', f'tcp://127.0.0.1:{other}') + fcgi('g', where))
        refused(['apply'], why, where)
        refused(['apply'], why, where)
        refused(['update'], why, where)
        same(d.names(), ['a', 'f'], f'names with {where}')
        d.configure(plain + fcgi('f', where))
        refused(['apply'], why, f'changed to {where}')
        refused(['update'], why, f'changed to {where}')
        seen = len(d.lines('configuration refused'))
        d.send(signal.SIGHUP)
        d.wait_log('configuration refused', seen + 1)
        check(why.lower() in d.lines('configuration refused')[-1].lower(), f'the log, {where}')
    same(read_file(c.path('file')), 'a file of its own', 'the file')
    d.configure(plain + fcgi('f', f'tcp://localhost:{other}'))  # the same in other words: its own is no obstacle
    same(d.ctl('apply')[0], 0, 'exit code of apply')
    d.wait_all('RUNNING', 2)
    check(accepts(other), 'the same socket')
    third = free_port()
    d.configure(plain + fcgi('f', f'tcp://127.0.0.1:{third}') + fcgi('g', f'unix://{c.dir}/g.sock'))
    same(d.ctl('apply')[0], 0, 'exit code of apply')
    d.wait_all('RUNNING', 3)
    check(accepts(third) and not accepts(other), 'the new port, not the old one')
    d.configure(plain + fcgi('f', f'tcp://127.0.0.1:{port}') + fcgi('g', f'unix://{c.dir}/g.sock'))
    same(d.ctl('reload')[0], 0, 'exit code of reload')
    d.wait_log('going on without group f')
    has(d.lines('going on without group f')[-1], 'Address already in use', 'the log')
    c.wait(lambda: d.answers() and d.names() == ['a', 'g'], 'the others go on')
    d.wait_all('RUNNING', 2)
    taken.close()
    same(d.ctl('apply')[0], 0, 'exit code of apply when the port is free')
    d.wait_all('RUNNING', 3)
    check(accepts(port), 'it listens')
