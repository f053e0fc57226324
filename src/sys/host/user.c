/* Gives up root for the user of the configuration: groups, gid, uid. Called once, before the main
 * log and before any thread. */
#include "sys/host/user.h"

#include <grp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

bool user_switch(const struct account *who, const struct host *w, struct err *e)
{
        gid_t *groups = NULL;
        int count = 0;

        if (who->uid == getuid() && who->uid == geteuid())
                return true;
        if (geteuid() != 0)
                return err_set(e, ERR_USAGE, "Can't drop privilege as nonroot user");
        if (!w->groups_of(w, who->name, who->gid, &groups, &count))
                return err_set(e, ERR_USAGE, "Could not set groups of effective user");
        bool grouped = setgroups((size_t)count, groups) == 0;
        free(groups);
        if (!grouped)
                return err_set(e, ERR_USAGE, "Could not set groups of effective user");
        if (setresgid(who->gid, who->gid, who->gid) < 0)
                return err_set(e, ERR_USAGE, "Could not set group id of effective user");
        if (setresuid(who->uid, who->uid, who->uid) < 0)
                return err_set(e, ERR_SYS, "Can't drop privilege to uid %u", (unsigned)who->uid);
        /* The change made us undumpable, and with it /proc/self/fd root's: the pipes of our workers
         * are opened through it. Nothing of root is left that a core could show. */
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
        return true;
}
