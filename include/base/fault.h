/* Why an order was refused, in the numbers of XML-RPC (compat 20.2). The names serve both APIs, and
 * the client knows the same. */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

enum fault {
        FAULT_NONE = 0,
        FAULT_UNKNOWN_METHOD = 1,
        FAULT_INCORRECT_PARAMETERS = 2,
        FAULT_BAD_ARGUMENTS = 3,
        FAULT_SIGNATURE_UNSUPPORTED = 4,
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
        /* ours only; never sent over XML-RPC */
        FAULT_OUT_OF_RANGE = 200,
        FAULT_TIMEOUT = 201,
        FAULT_LATER = 202, /* it is not known yet; never sent at all */
};
const char *fault_name(enum fault f); /* "BAD_NAME" */

#endif
