/* One call of an XML-RPC method. */
#ifndef API_RPC_CALL_H
#define API_RPC_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "api/access/door.h"
#include "base/buf.h"
#include "base/fault.h"
#include "wire/xml_read.h"

struct caller;
struct supervisor;

enum rpc_status {
        RPC_DONE,  /* the result or the fault is there */
        RPC_LATER, /* on_done will be called from the loop */
};

/* One call. A result is a whole <value> appended to `out`; a fault leaves out as it was. */
struct rpc_call {
        struct supervisor *sup;  /* borrowed */
        const struct caller *by; /* borrowed */
        enum right granted;      /* the most that he may have done */
        struct buf *out;         /* borrowed */
        enum fault fault;
        struct buf fault_text; /* "BAD_NAME: x" */
        bool nested;           /* within system.multicall */
        void *job; /* a deferred method's own; freed by cancel_job, or by itself before on_done */
        void (*cancel_job)(struct rpc_call *c);
        void (*on_done)(struct rpc_call *c); /* the caller's */
        void *arg;
};

typedef enum rpc_status method_fn(struct rpc_call *c, const struct value *params);

/* Set the fault; extra goes behind the name ("NAME: extra") and may be NULL. Returns RPC_DONE. */
enum rpc_status rpc_fault(struct rpc_call *c, enum fault f, const char *extra);

/* Do the values fit "type name,type name=default"? */
bool rpc_params_fit(const char *types, const struct value *params);

/* ---- parameters: after the check of count and types these always succeed */
const char *param_string(const struct value *params, int i);
int64_t param_int(const struct value *params, int i);
bool param_text(const struct value *params, int i,
                struct buf *out);                              /* of "any"; false: no scalar */
bool param_bool(const struct value *params, int i, bool dflt); /* dflt when it was left out */

#endif
