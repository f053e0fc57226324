/* The faults of compat 20.2 that the client acts upon. */
#ifndef CTL_FAULTS_H
#define CTL_FAULTS_H

enum fault {
        FAULT_UNKNOWN_METHOD = 1,
        FAULT_SHUTDOWN_STATE = 6,
        FAULT_BAD_NAME = 10,
        FAULT_BAD_SIGNAL = 11,
        FAULT_NO_FILE = 20,
        FAULT_NOT_EXECUTABLE = 21,
        FAULT_FAILED = 30,
        FAULT_ABNORMAL_TERMINATION = 40,
        FAULT_SPAWN_ERROR = 50,
        FAULT_ALREADY_STARTED = 60,
        FAULT_NOT_RUNNING = 70,
        FAULT_SUCCESS = 80,
        FAULT_ALREADY_ADDED = 90,
        FAULT_STILL_RUNNING = 91,
        FAULT_CANT_REREAD = 92,
};

/* States of compat section 12. */
enum ctl_state {
        STATE_STOPPED = 0,
        STATE_STARTING = 10,
        STATE_RUNNING = 20,
        STATE_BACKOFF = 30,
        STATE_STOPPING = 40,
        STATE_EXITED = 100,
        STATE_FATAL = 200,
        STATE_UNKNOWN = 1000,
};

#endif
