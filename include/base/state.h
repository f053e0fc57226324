/* Supervisor's process states by number (compat section 12): what is seen from outside. */
#ifndef BASE_STATE_H
#define BASE_STATE_H

enum state_code {
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
