"""Supervisor's event listeners and FastCGI programs, beside everything else."""
import os
import socket

from e2elib import check, read_file, story, write_file

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
