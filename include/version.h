/* Our version, and the version of Supervisor that clients are told. */
#ifndef VERSION_H
#define VERSION_H

#define SUPERVISORD_VERSION "0.1.0"
#define SUPERVISOR_SPOKEN   "4.2.5" /* what clients compare */
#define RPC_API_VERSION     "3.0"

#endif
