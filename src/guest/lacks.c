/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of them. It is read before anything is measured: the log of a VM
 * never says that a script ran which did not run.
 */
#include "guest/lacks.h"

#include "base/scope.h"

/* What is asked for, in words; NULL when it is not. */
typedef const char *asked_fn(const struct app_compose *c);

static const char *event_version(const struct app_compose *c)
{
    return c->event_log_version != 1 ? "2" : NULL;
}

static const char *key_provider(const struct app_compose *c)
{
    return c->key_provider != APP_KEY_PROVIDER_KMS ? app_key_provider_text(c->key_provider) : NULL;
}

static const char *runner(const struct app_compose *c)
{
    return c->runner != APP_RUNNER_DOCKER_COMPOSE ? "another runner" : NULL;
}

static const char *storage_fs(const struct app_compose *c)
{
    return c->storage_fs == APP_STORAGE_ZFS ? "zfs" : NULL;
}

static const char *init_script(const struct app_compose *c)
{
    return c->n_init_scripts > 0 ? "a script" : NULL;
}

static const char *pre_launch_script(const struct app_compose *c)
{
    return c->pre_launch_script.len > 0 ? "a script" : NULL;
}

static const char *verity_volumes(const struct app_compose *c)
{
    return c->n_verity_volumes > 0 ? "a volume" : NULL;
}

/* gpu_policy is measured, and no GPU is attached that it could be about. */
static const char *requirements(const struct app_compose *c)
{
    const struct app_requirements *r = &c->requirements;
    return r->has_launch_token     ? "launch_token_hash"
           : r->has_platforms      ? "platforms"
           : r->os_version.len > 0 ? "os_version"
           : r->has_measure_acpi   ? "tdx_measure_acpi_tables"
                                   : NULL;
}

static const struct row {
    const char *field, *expected;
    asked_fn *asked;
    enum ds_code code;
} rows[] = {
    { "event_log_version", "1", event_version, DS_CODE_GUEST_EVENT_VERSION },
    { "key_provider", "kms", key_provider, DS_CODE_GUEST_KEY_PROVIDER },
    { "runner", "docker-compose", runner, DS_CODE_GUEST_RUNNER },
    { "storage_fs", "ext4", storage_fs, DS_CODE_GUEST_STORAGE_FS },
    { "init_script", "none", init_script, DS_CODE_GUEST_APP_FEATURE },
    { "pre_launch_script", "none", pre_launch_script, DS_CODE_GUEST_APP_FEATURE },
    { "verity_volumes", "none", verity_volumes, DS_CODE_GUEST_APP_FEATURE },
    { "requirements", "none but gpu_policy", requirements, DS_CODE_GUEST_APP_FEATURE },
};

int guest_lacks_check(const struct app_compose *c, struct ds_error *e)
{
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        const char *got = rows[i].asked(c);
        if (got != NULL)
            return ds_refuse(e, DS_ERR_UNSUPPORTED, rows[i].code, rows[i].field, rows[i].expected,
                             got, "app-compose");
    }
    return DS_OK;
}
