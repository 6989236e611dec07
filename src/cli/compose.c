/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compose file's way into app-compose.json.
 */
#include "cli/compose.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/proc.h"
#include "base/str.h"
#include "cli/preflight.h"

#define CONFIG_MAX ((size_t)16 << 20) /* bytes of a compose file, and of compose's JSON */
#define COMPOSE_MS 60000
#define DOTENV_MAX ((size_t)1 << 20)

/* Keys of x-dstack that go into app-compose as they stand (guest-api 3.1, and ours). */
static const char *const passed_keys[] = {
    "allow_tags",  "allowed_envs",   "features",       "gateway_enabled", "init_script",
    "internet",    "key_provider",   "no_instance_id", "port_policy",     "pre_launch_script",
    "public_logs", "public_sysinfo", "public_tcbinfo", "requirements",    "secure_time",
    "storage_fs",  "swap_size",
};

static const char *const compose_programs[] = {
    "/usr/libexec/docker/cli-plugins/docker-compose",
    "/usr/local/lib/docker/cli-plugins/docker-compose",
    "/usr/lib/docker/cli-plugins/docker-compose",
    "/usr/bin/docker-compose",
    "/usr/local/bin/docker-compose",
};

void compose_done(struct compose *c)
{
    yyjson_mut_doc_free(c->doc);
    yyjson_doc_free(c->config);
    for (size_t i = 0; i < c->n_registries; i++)
        ds_buf_done(&c->registries[i].ca_pem);
    *c = (struct compose){ 0 };
}

static int invalid(struct ds_error *e, const char *claim, const char *expected, const char *got)
{
    return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_CLI_COMPOSE_INVALID, claim, expected, got,
                     "compose file");
}

const char *compose_program_find(void)
{
    for (size_t i = 0; i < DS_LEN(compose_programs); i++)
        if (access(compose_programs[i], X_OK) == 0)
            return compose_programs[i];
    return NULL;
}

/* The end of a path says more than its beginning. */
static const char *path_end(const char *path, size_t max)
{
    size_t len = strlen(path);
    return len > max ? path + len - max : path;
}

void compose_own_words(char *ret, size_t ret_len, const char *message)
{
    const char *status = strstr(message, "' ended with status ");
    const char *colon = status != NULL ? strstr(status, ": ") : NULL;
    if (colon != NULL)
        message = colon + 2;
    if (ds_str_starts(message, "validating ") && (colon = strstr(message, ": ")) != NULL)
        message = colon + 2;
    size_t n = strlen(message);
    bool is_cut = n >= ret_len;
    if (is_cut) {
        n = ret_len - 4;
        while (n > 0 && message[n] != ' ')
            n--;
        n = n > 0 ? n : ret_len - 4;
    }
    (void)snprintf(ret, ret_len, "%.*s%s", (int)n, message, is_cut ? "..." : "");
}

/* Compose refuses the file: its own words, whole, in the message too. */
static int refuse_words(const char *path, const struct ds_error *why, struct ds_error *e)
{
    char words[sizeof e->detail.got];
    compose_own_words(words, sizeof words, why->msg);
    int r = ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_CLI_COMPOSE_INVALID,
                         "the compose file cannot be used: %s", words);
    if (e != NULL)
        ds_detail_set(&e->detail, "file", "a file that Docker Compose accepts", words,
                      path_end(path, sizeof e->detail.anchor - 1));
    return r;
}

/* Docker Compose reads without a bound, and waits for pipes. */
int compose_file_check(const char *path, struct ds_error *e)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        char got[sizeof e->detail.got];
        (void)snprintf(got, sizeof got, "no such file: %s", path_end(path, 80));
        return ds_refuse(e, DS_ERR_NOTFOUND, DS_CODE_CLI_COMPOSE_INVALID, "file", "a compose file",
                         got, NULL);
    }
    if (!S_ISREG(st.st_mode))
        return ds_refuse(e, DS_ERR_ARG, DS_CODE_CLI_COMPOSE_INVALID, "file", "a regular file",
                         "something else", path);
    if ((uint64_t)st.st_size > CONFIG_MAX)
        return ds_fail_code(e, DS_ERR_RANGE, DS_CODE_FILE_TOO_LARGE,
                            "'%s' has %lld bytes; a compose file has at most %zu", path,
                            (long long)st.st_size, CONFIG_MAX);
    return DS_OK;
}

static int run_compose(struct ds_buf *ret, const char *path, struct ds_error *e)
{
    const char *program = compose_program_find();
    if (program == NULL)
        return ds_refuse(e, DS_ERR_NOTFOUND, DS_CODE_CLI_NO_COMPOSE, "docker-compose",
                         "the compose plugin", "none", NULL);
    const char *const argv[] = {
        program,    "-f",   path, "config", "--no-interpolate", "--no-path-resolution",
        "--format", "json", NULL
    };
    const struct ds_proc_spec spec = { .argv = argv };
    struct ds_error why;
    DS_TRY(compose_file_check(path, e));
    if (ds_proc_run(ret, &spec, DS_SPAN_LIT(""), CONFIG_MAX, COMPOSE_MS, &why) < 0)
        return refuse_words(path, &why, e);
    return DS_OK;
}

static bool is_passed(const char *key)
{
    for (size_t i = 0; i < DS_LEN(passed_keys); i++)
        if (strcmp(passed_keys[i], key) == 0)
            return true;
    return false;
}

/* A path of x-dstack, which is relative to the compose file. */
static int resolve(char *ret, size_t ret_len, const char *compose_path, const char *path,
                   const char *key, const char *expected, struct ds_error *e)
{
    char joined[PATH_MAX];
    const char *slash = strrchr(compose_path, '/');
    int dir_len = slash != NULL && path[0] != '/' ? (int)(slash - compose_path) + 1 : 0;
    int n = snprintf(joined, sizeof joined, "%.*s%s", dir_len, compose_path, path);
    DS_AUTO(ds_auto_free)
    char *real = n > 0 && (size_t)n < sizeof joined ? realpath(joined, NULL) : NULL;
    if (real == NULL || !ds_str_copy(ret, ret_len, real))
        return ds_refuse(e, DS_ERR_NOTFOUND, DS_CODE_CLI_COMPOSE_INVALID, key, expected, path,
                         "compose file");
    return DS_OK;
}

static int parse_images(struct compose *c, const char *path, yyjson_val *images, struct ds_error *e)
{
    size_t i, n;
    yyjson_val *key, *value;
    if (!yyjson_is_obj(images))
        return invalid(e, "x-dstack.images", "a map of image name to OCI layout", "something else");
    yyjson_obj_foreach(images, i, n, key, value)
    {
        if (c->n_images == COMPOSE_IMAGES_MAX)
            return invalid(e, "x-dstack.images", "at most 7 images", "more");
        struct compose_image *img = &c->images[c->n_images];
        if (!yyjson_is_str(value) || !ds_str_copy(img->name, sizeof img->name, yyjson_get_str(key)))
            return invalid(e, "x-dstack.images", "name: path", yyjson_get_str(key));
        DS_TRY(resolve(img->layout, sizeof img->layout, path, yyjson_get_str(value),
                       "x-dstack.images", "a directory with an OCI layout", e));
        c->n_images++;
    }
    return DS_OK;
}

static int parse_registries(struct compose *c, const char *path, yyjson_val *registries,
                            struct ds_error *e)
{
    static const char key_name[] = "x-dstack.registries";
    size_t i, n;
    yyjson_val *key, *value;
    if (!yyjson_is_obj(registries))
        return invalid(e, key_name, "a map of name:port to a CA's PEM file", "something else");
    yyjson_obj_foreach(registries, i, n, key, value)
    {
        char file[PATH_MAX];
        if (c->n_registries == COMPOSE_REGISTRIES_MAX)
            return invalid(e, key_name, "at most 2 registries", "more");
        struct compose_registry *r = &c->registries[c->n_registries];
        if (!yyjson_is_str(value) || !ds_str_copy(r->host, sizeof r->host, yyjson_get_str(key)))
            return invalid(e, key_name, "name:port: file", yyjson_get_str(key));
        DS_TRY(resolve(file, sizeof file, path, yyjson_get_str(value), key_name,
                       "a CA certificate in PEM", e));
        c->n_registries++;
        DS_TRY(ds_file_load(&r->ca_pem, file, COMPOSE_CA_MAX, e));
        if (r->ca_pem.p == NULL || strstr(r->ca_pem.p, "-----BEGIN CERTIFICATE-----") == NULL)
            return invalid(e, key_name, "a CA certificate in PEM", file);
    }
    return DS_OK;
}

static int parse_x(struct compose *c, const char *path, struct ds_error *e)
{
    size_t i, n;
    yyjson_val *key, *value;
    if (c->x == NULL)
        return DS_OK;
    if (!yyjson_is_obj(c->x))
        return invalid(e, "x-dstack", "a map", "something else");
    yyjson_obj_foreach(c->x, i, n, key, value)
    {
        const char *k = yyjson_get_str(key);
        if (strcmp(k, "images") == 0)
            DS_TRY(parse_images(c, path, value, e));
        else if (strcmp(k, "registries") == 0)
            DS_TRY(parse_registries(c, path, value, e));
        else if (!is_passed(k))
            return invalid(e, "x-dstack", "a key that app-compose knows", k);
    }
    return DS_OK;
}

static const char *port_text(yyjson_val *port)
{
    return yyjson_is_str(port) ? yyjson_get_str(port) : "something else";
}

static int parse_port(struct compose *c, yyjson_val *port, struct ds_error *e)
{
    const char *published = yyjson_get_str(yyjson_obj_get(port, "published"));
    const char *protocol = yyjson_get_str(yyjson_obj_get(port, "protocol"));
    uint64_t number;
    if (!yyjson_is_obj(port)) /* Compose leaves a list as it is in which a variable stands */
        return invalid(e, "ports", "ports without variables", port_text(port));
    if (published == NULL)
        return DS_OK; /* exposed between containers only */
    if (ds_str_u64(&number, ds_span_str(published), 65535, NULL) < 0 || number == 0)
        return invalid(e, "ports", "one published port from 1 to 65535", published);
    if (c->n_ports == COMPOSE_PORTS_MAX)
        return invalid(e, "ports", "at most 32 published ports", "more");
    c->ports[c->n_ports++] = (struct compose_port){
        .published = (uint16_t)number,
        .target_in_vm = (uint16_t)number,
        .udp = protocol != NULL && strcmp(protocol, "udp") == 0,
    };
    return DS_OK;
}

static int parse_ports(struct compose *c, yyjson_val *root, struct ds_error *e)
{
    size_t i, n, k, m;
    yyjson_val *key, *service, *port;
    yyjson_val *services = yyjson_obj_get(root, "services");
    if (yyjson_obj_size(services) == 0)
        return invalid(e, "services", "at least one", "none");
    yyjson_obj_foreach(services, i, n, key, service)
    {
        (void)key;
        yyjson_val *ports = yyjson_obj_get(service, "ports");
        yyjson_arr_foreach(ports, k, m, port) { DS_TRY(parse_port(c, port, e)); }
    }
    return DS_OK;
}

static int load(struct compose *c, const char *path, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    DS_TRY(run_compose(&text, path, e));
    c->config = yyjson_read(text.p != NULL ? text.p : "", text.len, 0);
    yyjson_val *root = yyjson_doc_get_root(c->config);
    if (!yyjson_is_obj(root))
        return invalid(e, path, "JSON from Docker Compose", "something else");
    c->x = yyjson_obj_get(root, "x-dstack");
    DS_TRY(parse_x(c, path, e));
    DS_TRY(parse_ports(c, root, e));
    c->doc = yyjson_doc_mut_copy(c->config, NULL);
    if (c->doc == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read '%s'", path);
    yyjson_mut_val *mut = yyjson_mut_doc_get_root(c->doc);
    (void)yyjson_mut_obj_remove_key(mut, "x-dstack");
    (void)yyjson_mut_obj_remove_key(mut, "name"); /* the directory's name; the app has its own */
    return DS_OK;
}

int compose_load(struct compose *ret, const char *path, struct ds_error *e)
{
    DS_AUTO(compose_done) struct compose c = { 0 };
    DS_TRY(load(&c, path, e));
    *ret = c;
    c = (struct compose){ 0 };
    return DS_OK;
}

/* What of app-compose the check asks for; spans borrow *c and `envs`. */
static void take_facts(struct app_compose *ret, struct ds_span *envs, const struct compose *c)
{
    size_t i, n;
    yyjson_val *name;
    yyjson_arr_foreach(yyjson_obj_get(c->x, "allowed_envs"), i, n, name)
    {
        if (yyjson_is_str(name) && ret->n_allowed_envs < APP_ENVS_MAX)
            envs[ret->n_allowed_envs++] = DS_SPAN(yyjson_get_str(name), yyjson_get_len(name));
    }
    ret->allowed_envs = envs;
    ret->allow_tags = yyjson_is_true(yyjson_obj_get(c->x, "allow_tags"));
    for (i = 0; i < c->n_images; i++)
        ret->image_volumes[ret->n_image_volumes++].image = ds_span_str(c->images[i].name);
}

/* The file .env beside the compose file; there may be none. */
static int load_dotenv(struct ds_buf *ret, const char *path, struct ds_error *e)
{
    const char *slash = strrchr(path, '/');
    DS_AUTO(ds_auto_free)
    char *file = ds_str_fmt("%.*s.env", slash != NULL ? (int)(slash - path) + 1 : 0, path);
    if (file == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read .env");
    int r = ds_file_load(ret, file, DOTENV_MAX, e);
    return r == DS_ERR_NOTFOUND ? DS_OK : r;
}

int compose_check(const struct compose *c, const char *path, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) struct ds_span *envs = calloc(APP_ENVS_MAX, sizeof *envs);
    DS_AUTO(ds_auto_free) struct app_compose *app = calloc(1, sizeof *app);
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(PREFLIGHT_MEM);
    size_t len = 0;
    DS_AUTO(ds_auto_free) char *document = yyjson_mut_write(c->doc, 0, &len);
    DS_AUTO(ds_buf_done) struct ds_buf dotenv = { 0 };
    if (envs == NULL || app == NULL || room == NULL || document == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "check '%s'", path);
    DS_TRY(load_dotenv(&dotenv, path, e));
    take_facts(app, envs, c);
    struct ds_arena mem = ds_arena_of(room, PREFLIGHT_MEM);
    const struct preflight in = { DS_SPAN(document, len), app, ds_buf_span(&dotenv) };
    return preflight_check(&in, &mem, e);
}

bool compose_has_no_instance_id(const struct compose *c)
{
    return yyjson_is_true(yyjson_obj_get(c->x, "no_instance_id"));
}

static yyjson_mut_val *volumes_json(yyjson_mut_doc *doc, const struct compose *c)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < c->n_images; i++) {
        const struct compose_image *img = &c->images[i];
        yyjson_mut_val *v = yyjson_mut_arr_add_obj(doc, list);
        (void)yyjson_mut_obj_add_strcpy(doc, v, "image", img->name);
        (void)yyjson_mut_obj_add_strcpy(doc, v, "source", img->source);
        (void)yyjson_mut_obj_add_strcpy(doc, v, "verity_root",
                                        DS_HEX(DS_SPAN_OF(img->verity.root32)));
        (void)yyjson_mut_obj_add_uint(doc, v, "data_blocks", img->verity.n_blocks);
    }
    return list;
}

static yyjson_mut_val *registries_json(yyjson_mut_doc *doc, const struct compose *c)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < c->n_registries; i++) {
        const struct compose_registry *r = &c->registries[i];
        yyjson_mut_val *v = yyjson_mut_arr_add_obj(doc, list);
        (void)yyjson_mut_obj_add_str(doc, v, "host", r->host);
        (void)yyjson_mut_obj_add_strn(doc, v, "ca_certificate", r->ca_pem.p, r->ca_pem.len);
    }
    return list;
}

static void add_passed(yyjson_mut_doc *doc, yyjson_mut_val *root, yyjson_val *x)
{
    for (size_t i = 0; i < DS_LEN(passed_keys); i++) {
        yyjson_val *v = yyjson_obj_get(x, passed_keys[i]);
        if (v != NULL)
            (void)yyjson_mut_obj_add_val(doc, root, passed_keys[i], yyjson_val_mut_copy(doc, v));
    }
}

int compose_app_json(struct ds_buf *ret, const struct compose *c, const char *name,
                     const char *key_provider_id, struct ds_error *e)
{
    char *file = yyjson_mut_write(c->doc, 0, NULL);
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    (void)yyjson_mut_obj_add_int(doc, root, "manifest_version", 2);
    (void)yyjson_mut_obj_add_str(doc, root, "name", name);
    (void)yyjson_mut_obj_add_str(doc, root, "runner", "docker-compose");
    (void)yyjson_mut_obj_add_str(doc, root, "docker_compose_file", file);
    add_passed(doc, root, c->x);
    yyjson_mut_val *provider = yyjson_mut_obj_get(root, "key_provider");
    if (key_provider_id != NULL && provider == NULL)
        (void)yyjson_mut_obj_add_str(doc, root, "key_provider", "kms");
    if (key_provider_id != NULL && (provider == NULL || yyjson_mut_equals_str(provider, "kms")))
        (void)yyjson_mut_obj_add_str(doc, root, "key_provider_id", key_provider_id);
    if (c->n_images > 0)
        (void)yyjson_mut_obj_add_val(doc, root, "image_volumes", volumes_json(doc, c));
    if (c->n_registries > 0)
        (void)yyjson_mut_obj_add_val(doc, root, "registries", registries_json(doc, c));
    size_t len = 0;
    char *text = file != NULL
                     ? yyjson_mut_write(doc, YYJSON_WRITE_PRETTY | YYJSON_WRITE_ESCAPE_UNICODE,
                                        &len)
                     : NULL;
    if (text != NULL)
        ds_buf_add(ret, DS_SPAN(text, len));
    yyjson_mut_doc_free(doc);
    free(file);
    int r = text != NULL ? ds_buf_end(ret, e, "app-compose.json")
                         : ds_fail(e, DS_ERR_NOMEM, "make app-compose.json");
    free(text);
    return r;
}
