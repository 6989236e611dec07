/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app-compose.json: accepted lists and texts stay within their bounds and
 * borrow the text or the arena, whose promised size suffices; and the same
 * object with its members in canonical order means the same.
 */
#include "app/compose.h"

#include "codec/jcs.h"
#include "fuzz.h"

#define INPUT_MAX ((size_t)256 << 10)
#define MEM_LEN   (APP_COMPOSE_MEM + INPUT_MAX)

static max_align_t room[MEM_LEN / sizeof(max_align_t)], other_room[MEM_LEN / sizeof(max_align_t)];
static max_align_t jcs_room[((size_t)32 << 20) / sizeof(max_align_t)];

static void check_volumes(const struct app_volume *v, size_t n, bool is_image, struct ds_span in,
                          const struct ds_arena *mem)
{
    FUZZ_CHECK(n <= APP_VOLUMES_MAX);
    for (size_t i = 0; i < n; i++) {
        fuzz_check_borrowed(v[i].source, in, mem);
        fuzz_check_borrowed(v[i].target, in, mem);
        fuzz_check_borrowed(v[i].image, in, mem);
        /* The host looks the file up by this name, in one directory. */
        FUZZ_CHECK(v[i].source.len > 0 && memchr(v[i].source.p, '/', v[i].source.len) == NULL);
        FUZZ_CHECK(!ds_span_eq_str(v[i].source, "..") && !ds_span_eq_str(v[i].source, "."));
        FUZZ_CHECK(is_image || (v[i].target.len > 0 && v[i].target.p[0] == '/'));
    }
}

static void check(const struct app_compose *c, struct ds_span in, const struct ds_arena *mem)
{
    FUZZ_CHECK(c->manifest_version >= 1 && c->manifest_version <= APP_MANIFEST_MAX);
    FUZZ_CHECK(c->name.len <= APP_NAME_MAX);
    FUZZ_CHECK(c->key_provider_id.len <= APP_KEY_PROVIDER_ID_MAX);
    FUZZ_CHECK(c->n_init_scripts <= APP_INIT_SCRIPTS_MAX && c->n_allowed_envs <= APP_ENVS_MAX);
    FUZZ_CHECK(c->n_ports <= APP_PORTS_MAX);
    FUZZ_CHECK(c->requirements.n_platforms <= APP_PLATFORMS_MAX);
    FUZZ_CHECK(c->event_log_version == 1 || c->event_log_version == 2);
    const struct ds_span texts[] = { c->name, c->docker_compose_file, c->bash_script,
                                     c->pre_launch_script, c->requirements.os_version };
    for (size_t i = 0; i < DS_LEN(texts); i++)
        fuzz_check_borrowed(texts[i], in, mem);
    for (size_t i = 0; i < c->n_allowed_envs; i++)
        fuzz_check_borrowed(c->allowed_envs[i], in, mem);
    check_volumes(c->verity_volumes, c->n_verity_volumes, false, in, mem);
    check_volumes(c->image_volumes, c->n_image_volumes, true, in, mem);
}

static void canonical(struct ds_buf *ret, struct ds_span in)
{
    const struct ds_json_tok *root;
    struct ds_arena mem = ds_arena_of(jcs_room, sizeof jcs_room);
    FUZZ_CHECK(ds_json_parse_in(&root, &mem, in, NULL) == DS_OK);
    if (ds_jcs_add(ret, &mem, root, NULL) < 0) /* it has a number with a fraction */
        ds_buf_clear(ret);
}

static void check_same(const struct app_compose *a, struct ds_span in)
{
    struct ds_error e;
    struct app_compose b;
    struct ds_arena mem = ds_arena_of(other_room, sizeof other_room);
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    canonical(&text, in);
    if (text.len == 0)
        return;
    FUZZ_CHECK(app_compose_parse(&b, &mem, ds_buf_span(&text), &e) == DS_OK);
    FUZZ_CHECK(ds_span_eq(a->name, b.name) && a->runner == b.runner);
    FUZZ_CHECK(ds_span_eq(a->docker_compose_file, b.docker_compose_file));
    FUZZ_CHECK(ds_span_eq(a->key_provider_id, b.key_provider_id));
    FUZZ_CHECK(a->key_provider == b.key_provider && a->internet == b.internet);
    FUZZ_CHECK(a->n_ports == b.n_ports && a->ports_restricted == b.ports_restricted);
    FUZZ_CHECK(a->n_image_volumes == b.n_image_volumes && a->allow_tags == b.allow_tags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ds_error e;
    static struct app_compose c;
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    struct ds_span in = DS_SPAN(data, len);
    if (len > INPUT_MAX)
        return 0;
    int r = app_compose_parse(&c, &mem, in, &e);
    FUZZ_CHECK(r != DS_ERR_NOMEM);
    if (!fuzz_is_ok(r, &e))
        return 0;
    check(&c, in, &mem);
    check_same(&c, in);
    return 0;
}
