/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML configuration: an accepted file keeps every value within its row, and a
 * refused one leaves nothing behind.
 */
#include "base/cfg.h"

#include "fuzz.h"

struct settings {
    bool on;
    uint64_t port, limit;
    char *name, *mode;
    struct ds_cfg_list hosts;
};

#define AT(field) offsetof(struct settings, field)
#define HOSTS_MAX 8

static const char *const modes[] = { "auto", "kvm", "tcg", NULL };

/* clang-format off */
static const struct ds_cfg_key keys[] = {
    { .key = "on", .kind = DS_CFG_BOOL, .preset = "true", .offset = AT(on), .help = "a switch" },
    { .key = "net.port", .kind = DS_CFG_U64, .min = 1, .max = 65535, .offset = AT(port),
      .help = "required" },
    { .key = "net.limits.bytes", .kind = DS_CFG_U64, .preset = "4096", .min = 16,
      .offset = AT(limit), .help = "no upper bound" },
    { .key = "name", .kind = DS_CFG_TEXT, .preset = "\"\"", .max = 32, .offset = AT(name),
      .help = "a text" },
    { .key = "mode", .kind = DS_CFG_CHOICE, .choices = modes, .preset = "auto", .offset = AT(mode),
      .help = "one of three" },
    { .key = "net.hosts", .kind = DS_CFG_LIST, .preset = "[]", .max = HOSTS_MAX,
      .offset = AT(hosts), .help = "a list" },
};
/* clang-format on */

static const struct ds_cfg_schema schema = { "fuzz", keys, DS_LEN(keys) };

static bool is_mode(const char *text)
{
    for (size_t i = 0; modes[i] != NULL; i++)
        if (strcmp(text, modes[i]) == 0)
            return true;
    return false;
}

/*
 * libfyaml 0.8 loses up to some KiB for a scalar that is made of many pieces
 * (escapes, folded lines). A configuration is read once in a program's life, by
 * the one who wrote it. Only by the slow unwinder is the function's name found.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:fy_token_get_text"; }
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "fast_unwind_on_malloc=0"; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct settings none;
    struct ds_error e;
    struct settings s = { 0 };
    if (!fuzz_is_ok(ds_cfg_parse(&schema, &s, DS_SPAN(data, len), "input", &e), &e)) {
        FUZZ_CHECK(s.name == NULL && s.mode == NULL && s.hosts.v == none.hosts.v);
        return 0;
    }
    FUZZ_CHECK(s.port >= 1 && s.port <= 65535 && s.limit >= 16);
    FUZZ_CHECK(s.name != NULL && strlen(s.name) <= 32);
    FUZZ_CHECK(s.mode != NULL && is_mode(s.mode));
    FUZZ_CHECK(s.hosts.n <= HOSTS_MAX && s.hosts.v != NULL);
    for (size_t i = 0; i < s.hosts.n; i++)
        FUZZ_CHECK(s.hosts.v[i] != NULL);
    ds_cfg_done(&schema, &s);
    return 0;
}
