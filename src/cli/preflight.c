/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk over a compose document: images first, then whatever names a file of
 * the host, then every variable. Nothing is interpolated or resolved here: the
 * document is judged as the guest gets it.
 */
#include "cli/preflight.h"

#include <ctype.h>
#include <stdio.h>

#include "app/images.h"
#include "base/str.h"
#include "codec/json.h"

/* Where in the document something stands: "services.web.volumes". */
struct place {
    const char *section, *key;
    struct ds_span name;
};

/* Paths that the guest has, and that apps are meant to mount (guest-api 1.1, guest/README.md). */
static const struct {
    const char *path;
    bool is_tree;
} guest_paths[] = {
    { "/run/dstack.sock", false },
    { "/var/run/dstack.sock", false },
    { "/run/docker.sock", false },
    { "/var/run/docker.sock", false },
    { "/dev", true },
    { "/proc", true },
    { "/sys", true },
};

/* Set for Compose in every guest. */
static const char *const guest_variables[] = { "COMPOSE_PROJECT_NAME", "HOME", "PATH" };

static int refuse(struct ds_error *e, enum ds_code code, const struct place *at,
                  const char *expected, struct ds_span got)
{
    char claim[48], name[33], text[144];
    (void)ds_str_printable(name, sizeof name, at->name);
    (void)snprintf(claim, sizeof claim, "%s%s%s%s%s", at->section, name[0] != '\0' ? "." : "", name,
                   at->key[0] != '\0' ? "." : "", at->key);
    return ds_refuse(e, DS_ERR_DENIED, code, claim, expected,
                     ds_str_printable(text, sizeof text, got), "compose file");
}

static int check_images(const struct ds_json_tok *root, const struct app_compose *app,
                        struct ds_error *e)
{
    struct app_image_fault fault;
    if (!app_images_find_fault(&fault, root, app))
        return DS_OK;
    const struct place at = { "services", fault.key, fault.service };
    bool is_build = strcmp(fault.key, "build") == 0;
    return refuse(e, is_build ? DS_CODE_CLI_COMPOSE_BUILD : DS_CODE_CLI_COMPOSE_IMAGE, &at,
                  is_build ? "image: name@sha256:..., or one of x-dstack.images" : fault.expected,
                  fault.got);
}

static bool is_false(const struct ds_json_tok *v) { return v != NULL && v->type == DS_JSON_FALSE; }

static struct ds_span text_of(const struct ds_json_tok *v)
{
    return v != NULL && v->type == DS_JSON_STRING ? v->raw : (struct ds_span){ 0 };
}

static bool is_guest_path(struct ds_span path)
{
    for (size_t i = 0; i < DS_LEN(guest_paths); i++) {
        struct ds_span known = ds_span_str(guest_paths[i].path);
        if (ds_span_eq(ds_span_sub(path, 0, known.len), known) &&
            (path.len == known.len || (guest_paths[i].is_tree && path.p[known.len] == '/')))
            return true;
    }
    return false;
}

static int host_file(struct ds_error *e, const struct place *at, const char *expected,
                     struct ds_span got)
{
    return refuse(e, DS_CODE_CLI_COMPOSE_HOST_FILE, at, expected, got);
}

/* Compose leaves a volume in its short form where it cannot take it apart. */
static struct ds_span source_of(const struct ds_json_tok *volume)
{
    if (volume->type != DS_JSON_STRING)
        return text_of(ds_json_find(volume, "source"));
    const uint8_t *colon = memchr(volume->raw.p, ':', volume->raw.len);
    return colon != NULL ? ds_span_sub(volume->raw, 0, (size_t)(colon - volume->raw.p))
                         : (struct ds_span){ 0 };
}

/*
 * A relative source is a directory of the host, which the VM does not have. An absolute one is a
 * path of the VM; where Docker may create it, it would silently be empty, so that a path which we do
 * not know to be there has to say create_host_path: false. A name is a volume.
 */
static int check_source(const struct place *at, const struct ds_json_tok *volume,
                        struct ds_error *e)
{
    const struct ds_json_tok *bind = ds_json_find(volume, "bind");
    struct ds_span source = source_of(volume);
    bool is_bind = ds_json_is_str(ds_json_find(volume, "type"), "bind");
    bool must_exist = is_false(ds_json_find(bind, "create_host_path"));
    if (source.len > 0 && source.p[0] == '$')
        return host_file(e, at, "a source that begins without a variable", source);
    if (!is_bind && (source.len == 0 || strchr("./~", source.p[0]) == NULL))
        return DS_OK;
    if (source.len == 0 || source.p[0] != '/')
        return host_file(e, at, "a named volume; host files do not travel into the VM", source);
    if (must_exist || is_guest_path(source))
        return DS_OK;
    return host_file(e, at,
                     "a named volume, or bind with create_host_path: false for the VM's own path",
                     source);
}

static int check_volumes(const struct place *at, const struct ds_json_tok *volumes,
                         struct ds_error *e)
{
    for (const struct ds_json_tok *v = ds_json_first(volumes); v != NULL;
         v = ds_json_next(volumes, v))
        DS_TRY(check_source(at, v, e));
    return DS_OK;
}

/* A text, a list of texts, or of objects with a path. */
static int check_file_list(const struct place *at, const struct ds_json_tok *files,
                           struct ds_error *e)
{
    static const char expected[] = "none; host files do not travel into the VM";
    if (files->type == DS_JSON_STRING)
        return host_file(e, at, expected, files->raw);
    const struct ds_json_tok *first = files->type == DS_JSON_ARRAY ? ds_json_first(files) : NULL;
    if (first == NULL)
        return DS_OK;
    return host_file(e, at, expected,
                     first->type == DS_JSON_OBJECT ? text_of(ds_json_find(first, "path"))
                                                   : first->raw);
}

/* seccomp:FILE, also with '='; "unconfined" and "builtin" are no files. */
static int check_security(const struct place *at, const struct ds_json_tok *list,
                          struct ds_error *e)
{
    static const char seccomp[] = "seccomp";
    size_t n = sizeof seccomp - 1;
    for (const struct ds_json_tok *v = ds_json_first(list); v != NULL; v = ds_json_next(list, v)) {
        struct ds_span text = text_of(v), profile = ds_span_sub(text, n + 1, text.len);
        if (text.len > n && memcmp(text.p, seccomp, n) == 0 &&
            (text.p[n] == ':' || text.p[n] == '=') && !ds_span_eq_str(profile, "unconfined") &&
            !ds_span_eq_str(profile, "builtin"))
            return host_file(e, at, "seccomp:unconfined, seccomp:builtin, or none", profile);
    }
    return DS_OK;
}

/* A volume that is a directory: what o=bind mounts. */
static int check_driver(const struct place *at, const struct ds_json_tok *opts, struct ds_error *e)
{
    struct ds_span o = text_of(ds_json_find(opts, "o"));
    const struct ds_json_tok *device = ds_json_find(opts, "device");
    bool binds = o.len > 0 && memmem(o.p, o.len, "bind", 4) != NULL;
    if (!binds || device == NULL || is_guest_path(text_of(device)))
        return DS_OK;
    return host_file(e, at, "a volume without a device; it is kept on the VM's data disk",
                     device->raw);
}

static int check_file_of(const struct place *at, const struct ds_json_tok *file, struct ds_error *e)
{
    return host_file(e, at, "content: or environment:; host files do not travel into the VM",
                     text_of(file));
}

typedef int check_fn(const struct place *at, const struct ds_json_tok *value, struct ds_error *e);

/* Members of the document's entries that may name files of the host. */
static const struct {
    const char *section, *key;
    check_fn *check;
} file_checks[] = {
    { "services", "volumes", check_volumes },      { "services", "env_file", check_file_list },
    { "services", "label_file", check_file_list }, { "services", "security_opt", check_security },
    { "volumes", "driver_opts", check_driver },    { "configs", "file", check_file_of },
    { "secrets", "file", check_file_of },
};

static int check_files(const struct ds_json_tok *root, struct ds_error *e)
{
    for (size_t i = 0; i < DS_LEN(file_checks); i++) {
        const struct ds_json_tok *entries = ds_json_find(root, file_checks[i].section);
        if (entries == NULL || entries->type != DS_JSON_OBJECT)
            continue;
        for (const struct ds_json_tok *k = ds_json_first(entries); k != NULL;
             k = ds_json_next(entries, k)) {
            const struct ds_json_tok *value = ds_json_find(k + 1, file_checks[i].key);
            const struct place at = { file_checks[i].section, file_checks[i].key, k->raw };
            if (value != NULL)
                DS_TRY(file_checks[i].check(&at, value, e));
        }
    }
    return DS_OK;
}

/* The VM gives it a value: it is set there, or the app may get it sealed. */
static bool is_given(const struct preflight *in, struct ds_span name)
{
    for (size_t i = 0; i < DS_LEN(guest_variables); i++)
        if (ds_span_eq_str(name, guest_variables[i]))
            return true;
    for (size_t i = 0; i < in->app->n_allowed_envs; i++)
        if (ds_span_eq(name, in->app->allowed_envs[i]))
            return true;
    return false;
}

/* .env has a line NAME=..., which Compose on this machine would take. */
static bool is_in_dotenv(const struct preflight *in, struct ds_span name)
{
    struct ds_span rest = in->dotenv, line;
    while (ds_span_line(&rest, &line)) {
        size_t at = 0;
        while (at < line.len && isspace(line.p[at]))
            at++;
        line = ds_span_sub(line, at, line.len);
        if (line.len > 7 && memcmp(line.p, "export ", 7) == 0)
            line = ds_span_sub(line, 7, line.len);
        if (line.len > name.len && memcmp(line.p, name.p, name.len) == 0 &&
            strchr("= \t:", line.p[name.len]) != NULL)
            return true;
    }
    return false;
}

static size_t name_len(struct ds_span s)
{
    size_t n = 0;
    if (s.len == 0 || isdigit(s.p[0]))
        return 0;
    while (n < s.len && (isalnum(s.p[n]) || s.p[n] == '_'))
        n++;
    return n;
}

static int check_name(const struct preflight *in, const struct place *at, struct ds_span name,
                      bool has_default, struct ds_error *e)
{
    if (is_given(in, name))
        return DS_OK;
    if (is_in_dotenv(in, name))
        return refuse(e, DS_CODE_CLI_COMPOSE_VARIABLE, at,
                      "the value in the file; .env does not travel into the VM", name);
    if (has_default)
        return DS_OK;
    return refuse(e, DS_CODE_CLI_COMPOSE_VARIABLE, at,
                  "a value, a default (${NAME:-value}), or a name of x-dstack.allowed_envs", name);
}

/*
 * The dollar at text[0], and in *ret_len the bytes until what comes behind the name: a default is
 * looked through by itself, for variables of its own.
 * spec: compose-spec, interpolation: $$, $NAME, ${NAME}, ${NAME[:]-default}, ${NAME[:]?error},
 *       ${NAME[:]+alternative}; anything else Compose refuses
 */
static int check_dollar(const struct preflight *in, const struct place *at, struct ds_span text,
                        size_t *ret_len, struct ds_error *e)
{
    bool is_braced = text.len > 1 && text.p[1] == '{';
    struct ds_span rest = ds_span_sub(text, is_braced ? 2 : 1, text.len);
    struct ds_span name = ds_span_sub(rest, 0, name_len(rest));
    *ret_len = 2;
    if (text.len > 1 && text.p[1] == '$')
        return DS_OK;
    rest = ds_span_sub(rest, name.len, rest.len);
    size_t colon = rest.len > 1 && rest.p[0] == ':';
    uint8_t op = rest.len > colon ? rest.p[colon] : 0;
    bool is_whole = !is_braced || (op == '}' && colon == 0) ||
                    (op != 0 && strchr("-?+", op) != NULL);
    if (name.len == 0 || !is_whole)
        return refuse(e, DS_CODE_CLI_COMPOSE_VARIABLE, at, "$$ for a plain dollar",
                      ds_span_sub(text, 0, 40));
    *ret_len = (is_braced ? 2 : 1) + name.len;
    return check_name(in, at, name, is_braced && (op == '-' || op == '+'), e);
}

static int check_text(const struct preflight *in, const struct place *at, struct ds_span text,
                      struct ds_error *e)
{
    while (text.len > 0) {
        size_t n = 1;
        if (text.p[0] == '$')
            DS_TRY(check_dollar(in, at, text, &n, e));
        text = ds_span_sub(text, n, text.len);
    }
    return DS_OK;
}

/* Compose interpolates values, not keys. As deep as the parser let it be. */
static int check_value(const struct preflight *in, const struct place *at,
                       const struct ds_json_tok *value, struct ds_error *e)
{
    if (value->type == DS_JSON_STRING)
        return check_text(in, at, value->raw, e);
    if (value->type != DS_JSON_OBJECT && value->type != DS_JSON_ARRAY)
        return DS_OK;
    for (const struct ds_json_tok *v = ds_json_first(value); v != NULL; v = ds_json_next(value, v))
        DS_TRY(check_value(in, at, value->type == DS_JSON_OBJECT ? v + 1 : v, e));
    return DS_OK;
}

/* A name without a value takes Compose's own variable, and is left out where there is none. */
static int check_environment(const struct preflight *in, const struct place *at,
                             const struct ds_json_tok *env, struct ds_error *e)
{
    if (env == NULL || (env->type != DS_JSON_OBJECT && env->type != DS_JSON_ARRAY))
        return DS_OK;
    for (const struct ds_json_tok *v = ds_json_first(env); v != NULL; v = ds_json_next(env, v)) {
        bool is_bare = env->type == DS_JSON_OBJECT
                           ? v[1].type == DS_JSON_NULL
                           : v->type == DS_JSON_STRING && memchr(v->raw.p, '=', v->raw.len) == NULL;
        if (is_bare)
            DS_TRY(check_name(in, at, v->raw, false, e));
    }
    return DS_OK;
}

static int check_entry(const struct preflight *in, const char *section,
                       const struct ds_json_tok *name, struct ds_error *e)
{
    const struct ds_json_tok *entry = name + 1;
    struct place at = { section, "environment", name->raw };
    const struct ds_json_tok *env = ds_json_find(entry, "environment");
    if (strcmp(section, "services") == 0)
        DS_TRY(check_environment(in, &at, env, e));
    else if (env != NULL && env->type == DS_JSON_STRING) /* of a config or a secret */
        DS_TRY(check_name(in, &at, env->raw, false, e));
    if (entry->type != DS_JSON_OBJECT)
        return DS_OK;
    for (const struct ds_json_tok *k = ds_json_first(entry); k != NULL;
         k = ds_json_next(entry, k)) {
        char key[24];
        at.key = ds_str_printable(key, sizeof key, k->raw);
        DS_TRY(check_value(in, &at, k + 1, e));
    }
    return DS_OK;
}

static int check_variables(const struct preflight *in, const struct ds_json_tok *root,
                           struct ds_error *e)
{
    static const char *const sections[] = { "services", "networks", "volumes", "configs",
                                            "secrets" };
    for (size_t i = 0; i < DS_LEN(sections); i++) {
        const struct ds_json_tok *entries = ds_json_find(root, sections[i]);
        if (entries == NULL || entries->type != DS_JSON_OBJECT)
            continue;
        for (const struct ds_json_tok *k = ds_json_first(entries); k != NULL;
             k = ds_json_next(entries, k))
            DS_TRY(check_entry(in, sections[i], k, e));
    }
    return DS_OK;
}

int preflight_check(const struct preflight *in, struct ds_arena *mem, struct ds_error *e)
{
    const struct ds_json_tok *root;
    DS_TRY(ds_json_parse_in(&root, mem, in->document, e));
    DS_TRY(check_images(root, in->app, e));
    DS_TRY(check_files(root, e));
    return check_variables(in, root, e);
}
