/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsing .sys-config.json with bounds; addresses are taken apart here, so that
 * the code that configures interfaces sees numbers only.
 */
#include "guest/sys_config.h"

#include <arpa/inet.h>

#include "base/hex.h"
#include "base/str.h"
#include "codec/json.h"

#define TOKENS_MEM ((size_t)256 * 1024)

void guest_sys_config_done(struct guest_sys_config *c)
{
    free(c->vm_config);
    free(c->mr_config);
    *c = (struct guest_sys_config){ 0 };
}

static int invalid(struct ds_error *e, const char *field, const char *expected)
{
    return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_GUEST_SYS_CONFIG_INVALID, field, expected,
                     "something else", "host-shared disk");
}

static int parse_urls(struct guest_sys_config *c, const struct ds_json_tok *list,
                      struct ds_error *e)
{
    if (list == NULL)
        return DS_OK;
    if (list->type != DS_JSON_ARRAY || list->n > GUEST_KMS_URLS_MAX)
        return invalid(e, "kms_urls", "an array of at most 4");
    for (const struct ds_json_tok *v = ds_json_first(list); v != NULL; v = ds_json_next(list, v))
        if (v->type != DS_JSON_STRING || v->is_escaped ||
            !ds_str_copy_span(c->kms_urls[c->n_kms_urls++], GUEST_URL_MAX, v->raw))
            return invalid(e, "kms_urls", "plain texts of less than 256 bytes");
    return DS_OK;
}

static bool parse_ip(uint8_t ret4[4], struct ds_span text)
{
    char s[INET_ADDRSTRLEN];
    struct in_addr a;
    if (!ds_str_copy_span(s, sizeof s, text) || inet_pton(AF_INET, s, &a) != 1)
        return false;
    memcpy(ret4, &a, 4);
    return true;
}

static bool parse_cidr(uint8_t ret4[4], uint8_t *ret_prefix_len, struct ds_span text)
{
    const uint8_t *slash = memchr(text.p, '/', text.len);
    if (slash == NULL)
        return false;
    size_t n = (size_t)(slash - text.p);
    uint64_t bits;
    if (!parse_ip(ret4, DS_SPAN(text.p, n)) ||
        ds_str_u64(&bits, DS_SPAN(slash + 1, text.len - n - 1), 32, NULL) < 0)
        return false;
    *ret_prefix_len = (uint8_t)bits;
    return true;
}

static bool parse_mac(uint8_t ret6[6], struct ds_span text)
{
    if (text.len != 17)
        return false;
    for (size_t i = 0; i < 6; i++)
        if ((i < 5 && text.p[3 * i + 2] != ':') ||
            ds_hex_decode(&ret6[i], 1, DS_SPAN(text.p + 3 * i, 2), NULL) < 0)
            return false;
    return true;
}

static int parse_nic(struct guest_nic *ret, const struct ds_json_tok *nic, struct ds_error *e)
{
    struct ds_span mac, address, gateway, dns;
    DS_TRY(ds_json_get_str(&mac, nic, "mac", e));
    DS_TRY(ds_json_get_str(&address, nic, "address", e));
    DS_TRY(ds_json_get_str(&gateway, nic, "gateway", e));
    struct guest_nic n = { 0 };
    if (!parse_mac(n.mac6, mac))
        return invalid(e, "network.nics.mac", "six hex bytes with colons");
    if (!parse_cidr(n.address4, &n.prefix_len, address))
        return invalid(e, "network.nics.address", "an IPv4 address with a prefix length");
    if (!parse_ip(n.gateway4, gateway))
        return invalid(e, "network.nics.gateway", "an IPv4 address");
    if (ds_json_find(nic, "dns") != NULL) {
        DS_TRY(ds_json_get_str(&dns, nic, "dns", e));
        if (!parse_ip(n.dns4, dns))
            return invalid(e, "network.nics.dns", "an IPv4 address");
    }
    if (ds_json_find(nic, "default") != NULL)
        DS_TRY(ds_json_get_bool(&n.is_default, nic, "default", e));
    *ret = n;
    return DS_OK;
}

static int parse_registries(struct guest_sys_config *c, const struct ds_json_tok *list,
                            struct ds_error *e)
{
    if (list == NULL)
        return DS_OK;
    if (list->type != DS_JSON_ARRAY || list->n > GUEST_REGISTRIES_MAX)
        return invalid(e, "registries", "an array of at most 2");
    for (const struct ds_json_tok *v = ds_json_first(list); v != NULL; v = ds_json_next(list, v)) {
        struct guest_registry *r = &c->registries[c->n_registries++];
        struct ds_span host, address;
        DS_TRY(ds_json_get_str(&host, v, "host", e));
        DS_TRY(ds_json_get_str(&address, v, "address", e));
        if (!ds_str_copy_span(r->host, sizeof r->host, host))
            return invalid(e, "registries.host", "name:port");
        if (!parse_ip(r->address4, address))
            return invalid(e, "registries.address", "an IPv4 address");
    }
    return DS_OK;
}

static int parse_network(struct guest_sys_config *c, const struct ds_json_tok *network,
                         struct ds_error *e)
{
    const struct ds_json_tok *nics = ds_json_find(network, "nics");
    if (nics == NULL)
        return DS_OK;
    if (nics->type != DS_JSON_ARRAY || nics->n > GUEST_NICS_MAX)
        return invalid(e, "network.nics", "an array of at most 4");
    for (const struct ds_json_tok *v = ds_json_first(nics); v != NULL; v = ds_json_next(nics, v))
        DS_TRY(parse_nic(&c->nics[c->n_nics++], v, e));
    return DS_OK;
}

/* A member that is a text, with escapes resolved, as a string of our own; "" when absent. */
static int dup_text(char **ret, struct ds_arena *mem, const struct ds_json_tok *root,
                    const char *key, struct ds_error *e)
{
    const struct ds_json_tok *t = ds_json_find(root, key);
    struct ds_span text = DS_SPAN_LIT("");
    if (t != NULL && t->type != DS_JSON_NULL) {
        if (t->type != DS_JSON_STRING)
            return invalid(e, key, "a text");
        DS_TRY(ds_json_str(&text, mem, t, e));
    }
    *ret = ds_str_dup_span(text);
    return *ret != NULL ? DS_OK : invalid(e, key, "a text without NUL");
}

static int parse_root(struct guest_sys_config *c, struct ds_arena *mem,
                      const struct ds_json_tok *root, struct ds_error *e)
{
    DS_TRY(parse_urls(c, ds_json_find(root, "kms_urls"), e));
    DS_TRY(parse_registries(c, ds_json_find(root, "registries"), e));
    DS_TRY(parse_network(c, ds_json_find(root, "network"), e));
    DS_TRY(dup_text(&c->vm_config, mem, root, "vm_config", e));
    return dup_text(&c->mr_config, mem, root, "mr_config", e);
}

int guest_sys_config_parse(struct guest_sys_config *ret, struct ds_span json, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(TOKENS_MEM + json.len);
    if (room == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read .sys-config.json");
    struct ds_arena mem = ds_arena_of(room, TOKENS_MEM + json.len);
    const struct ds_json_tok *root;
    int r = ds_json_parse_in(&root, &mem, json, e);
    if (r == DS_OK && root->type != DS_JSON_OBJECT)
        r = invalid(e, ".sys-config.json", "an object");
    if (r < 0)
        return ds_wrap(e, r, ".sys-config.json");
    DS_AUTO(guest_sys_config_done) struct guest_sys_config c = { 0 };
    r = parse_root(&c, &mem, root, e);
    if (r < 0)
        return ds_wrap(e, r, ".sys-config.json");
    *ret = c;
    c = (struct guest_sys_config){ 0 };
    return DS_OK;
}
