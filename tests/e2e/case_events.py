"""Supervisor's event listeners and FastCGI programs, beside everything else."""
import os
import socket
import time

from e2elib import check, has, read_file, same, story, write_file

LISTENER = r'''
while :; do
    echo READY
    read header || exit 0
    echo "$header" >>"$1"
    len=${header##*len:}
    body=$(dd bs=1 count="$len" 2>/dev/null)
    echo "$body" >>"$1"
    printf 'RESULT 2\nOK'
done
'''


@story(nobody=True)
def a_listener_is_told_what_happens(c):
    told = c.path('told')
    write_file(c.path('listener.sh'), LISTENER)
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0', 'autostart=false')
                 + f'[eventlistener:l]\ncommand=/bin/sh {c.path("listener.sh")} {told}\n'
                   'events=PROCESS_STATE\nstartsecs=0\n')
    d.wait_state('l', 'RUNNING')
    d.order('w', 'start')
    d.order('w', 'stop')
    pool = 'processname:w groupname:w from_state:'
    c.wait(lambda: f'{pool}STOPPING pid:' in read_file(told), 'it was told of the stop',
           lambda: read_file(told)[-500:])
    text = read_file(told)
    for name in ('STARTING', 'RUNNING', 'STOPPING', 'STOPPED'):
        check(f'eventname:PROCESS_STATE_{name} ' in text, f'{name} is missing in {text!r}')


ANSWERER = r"""
import os, sys
def line():
    text = b''
    while not text.endswith(b'\n'):
        text += os.read(0, 1) or sys.exit(0)
    return text.decode()
while True:
    os.write(1, b'READY\n')
    header = line()
    left, body = int(header.split('len:')[1].split()[0]), b''
    while left > len(body):
        body += os.read(0, left - len(body)) or sys.exit(0)
    answer = body if sys.argv[1] == 'echo' else sys.argv[1].encode()
    with open(sys.argv[2], 'ab') as told:
        told.write(header.encode())
    os.write(1, b'RESULT %d\n%s' % (len(answer), answer))
"""


def answerer(c, name, answer, events, *lines):
    write_file(c.path('answerer.py'), ANSWERER)
    return '\n'.join([f'[eventlistener:{name}]', f'events={events}', 'startsecs=0', *lines,
                      f'command=/usr/bin/python3 {c.path("answerer.py")} {answer} {c.path(name)}']) + '\n'


@story(nobody=True)
def a_listener_that_refuses_everything_does_not_spin(c):
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0')
                 + answerer(c, 'l', 'FAIL', 'PROCESS_STATE_RUNNING', 'buffer_size=100'))
    told = lambda: read_file(c.path('l')).count('\n')
    c.wait(lambda: told() >= 4, 'it is asked again')
    time.sleep(1.5)
    check(told() <= 6, f'asked {told()} times')  # after 0, 0, 0.5, 1, 2 and 4 seconds
    same(len(d.lines('l: event was rejected')), 1, 'lines about it')
    d.order('w', 'stop')
    d.wait_state('w', 'STOPPED')


@story(nobody=True)
def a_handler_that_cannot_be_called_accepts_what_is_well_formed(c):
    d = c.daemon(c.program('w', '/bin/sh -c "echo hello; echo world; exec sleep 1000"', 'startsecs=0',
                           'stdout_events_enabled=true')
                 + answerer(c, 'any', 'FAIL', 'PROCESS_STATE', 'result_handler=my.module:handler')
                 + answerer(c, 'printer', 'echo', 'PROCESS_LOG',
                            'result_handler=supervisor_stdout:event_handler'))
    c.wait(lambda: 'w stdout | hello\nw stdout | world\n' in read_file(d.out), 'it is printed',
           lambda: read_file(d.out)[-300:])
    same(len(d.lines('event was rejected')), 0, 'lines about refusals')
    told = read_file(c.path('any')).splitlines()
    same(len(told), len(set(told)), 'each event once')
    code, out, err = c.run_daemon('--check', '-c', d.conf)
    same(code, 0, err)
    for part in ('result_handler supervisor_stdout:event_handler is Python code', 'stdout_logfile = /dev/stdout',
                 'result_handler my.module:handler is Python code and cannot be called', 'OK or FAIL'):
        check(part in out + err, f'{part!r} is missing in {out + err!r}')


@story(nobody=True)
def text_of_other_programs_steers_no_terminal(c):
    bad = r'\033]0;title\007 \233\0602J \302\233 \r2026-01-01 00:00:00,000 CRIT forged \177'
    d = c.daemon(f'[eventlistener:l]\ncommand=/bin/sh -c "printf \'READY\\n\'; read x; printf \'{bad}\\n\'; exec sleep 100"\n'
                 'events=PROCESS_STATE_RUNNING\nstartsecs=0\n'
                 + c.program('w', ' sleep', 'startsecs=0', f'healthcheck=exec:/bin/sh -c "printf \'{bad}\'; exit 1"',
                             'healthcheck_interval=100ms', 'healthcheck_retries=1'))
    d.wait_log('l: bad result line: ')
    d.wait_log('is unhealthy')
    has(d.log(), 'CRIT forged', 'it is said, in that line')
    check(not d.lines('CRIT forged')[0].startswith('2026-01-01'), 'a line of its own')


@story(nobody=True)
def a_fastcgi_fleet_shares_one_socket(c):
    path = c.path('fcgi.sock')
    d = c.daemon(f'[fcgi-program:f]\ncommand={c.worker} sleep\nsocket=unix://{path}\nnumprocs=2\n'
                 'process_name=%(process_num)d\nstartsecs=0\n')
    d.wait_all('RUNNING', 2)
    links = {os.readlink(f'/proc/{pid}/fd/0') for pid in d.pids().values()}
    check(len(links) == 1 and 'socket:' in links.pop(), 'stdin is the same socket')
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
    d.order('f:*', 'stop')
    d.stop()
    check(not os.path.exists(path), 'the socket is gone')
