/* Inside of logs/: the ledger of a channel. */
#ifndef LOGS_INTAKE_CHANNEL_LEDGER_H
#define LOGS_INTAKE_CHANNEL_LEDGER_H

#include "logs/intake/channel.h"

/* A new channel goes on counting where a previous instance was killed. False: there is nothing to
 * go on with. */
bool channel_ledger_take(struct channel *s, struct stream_ledger *was);
void channel_ledger_show(struct channel *s);

#endif
