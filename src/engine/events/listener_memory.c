/* What is written down of listeners for the next instance. Looks only: records are made of it in
 * the midst of anything. */
#include "engine/events/pool.h"
#include "engine/persist/state_record.h"

struct listeners *listeners_own(const struct supervisor *s)
{
        return component_own(s, COMPONENT_listeners);
}

void listener_remember(const struct listener *l, struct listener_memory *out)
{
        *out = (struct listener_memory){ 0 };
        if (l)
                *out = (struct listener_memory){ .state = (int)l->proto.state,
                                                 .is_inside = listener_proto_is_inside(&l->proto) };
}
