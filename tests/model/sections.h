/* For tests of options: what a section's keys are, room for their values, and a host to check them
 * against. */
#ifndef TESTS_MODEL_SECTIONS_H
#define TESTS_MODEL_SECTIONS_H

#include <criterion/criterion.h>
#include <string.h>

#include "../fakes/world.h"
#include "model/config/config.h"
#include "model/config/options.h"
#include "model/config/program.h"

static struct fake_world host;

static void setup(void)
{
        fake_world_init(&host);
        fake_world_dir(&host, "/var/log");
        fake_world_user(&host, "other", 1001, 1001);
}

static void teardown(void)
{
        fake_world_release(&host);
}

static inline const struct section_kind *kind_of(const char *prefix)
{
        for (const struct section_kind *k = section_kinds; k->prefix; k++)
                if (strcmp(k->prefix, prefix) == 0)
                        return k;
        cr_assert_fail("no kind %s", prefix);
        return NULL;
}

/* Room for any section's struct. */
union section {
        struct program program;
        struct settings settings;
        struct server_conf server;
        struct ctl_conf ctl;
};

#endif
