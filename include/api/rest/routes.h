/* The routes of the JSON API: their handlers, which are the columns of one table. */
#ifndef API_REST_ROUTES_H
#define API_REST_ROUTES_H

#include "api/http/server.h"

/* `name` is what the path holds in the place of {}, decoded */

void rest_process_list(struct request *r, const char *name);
void rest_process(struct request *r, const char *name);
void rest_process_start(struct request *r, const char *name);
void rest_process_stop(struct request *r, const char *name);
void rest_process_restart(struct request *r, const char *name);
void rest_process_signal(struct request *r, const char *name);
void rest_process_stdin(struct request *r, const char *name);
void rest_program_list(struct request *r, const char *name);
void rest_program(struct request *r, const char *name);
void rest_program_scale(struct request *r, const char *name);
void rest_log_stdout(struct request *r, const char *name);
void rest_log_stderr(struct request *r, const char *name);
void rest_log_rotate(struct request *r, const char *name);
void rest_log_clear(struct request *r, const char *name);
void rest_log_main(struct request *r, const char *name);
void rest_config_processes(struct request *r, const char *name);
void rest_config_reread(struct request *r, const char *name);
void rest_group_add(struct request *r, const char *name);
void rest_group_remove(struct request *r, const char *name);
void rest_reload(struct request *r, const char *name);
void rest_upgrade(struct request *r, const char *name);
void rest_shutdown(struct request *r, const char *name);
void rest_restart(struct request *r, const char *name);

/* Does this raw path (not decoded) fit the pattern? "{}" stands for one segment, which is decoded
 * into name. Exposed for its test. */
bool rest_path_fits(const char *pattern, const char *path, size_t path_len, struct buf *name);

#endif
