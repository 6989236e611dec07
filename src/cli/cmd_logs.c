/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dstack logs NAME: the VM's console, or its containers' output where the app
 * makes it public.
 */
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "cli/daemons.h"
#include "codec/json_write.h"
#include "net/http_client.h"

#define FOLLOW_S     1                   /* between two questions to the guest */
#define FOLLOW_LINES 10000               /* of a container in that time */
#define TEXT_MAX     ((size_t)256 << 20) /* bytes of one JSON document */

struct opts {
    bool json, follow, containers;
    const char *container;
    uint64_t lines;
};

static const struct ds_arg_option options[] = {
    CLI_FLAG(follow, "follow", 'f', "keep printing"),
    CLI_FLAG(containers, "containers", 'c', "what the containers print instead of the console"),
    CLI_TEXT(container, "container", 0, "CONTAINER", "one container only"),
    CLI_U64(lines, "lines", 'n', "N", 10000, "newest lines (100)"),
    CLI_JSON,
};

const struct ds_arg_command cmd_logs_args = {
    .name = "dstack logs",
    .summary = "show what an app's VM prints",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .n_options = DS_LEN(options),
    .example = "dstack logs -f hello",
};

/* Text on its way out: as it comes, or as one JSON document. */
struct output {
    bool json, follow, printed;
    bool has_c2; /* the first byte of a control character in UTF-8 is held back */
    struct ds_buf text;
};

static int flush(struct output *o, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    DS_TRY(ds_buf_end(&o->text, e, "log"));
    if (o->json) {
        struct ds_jw w = ds_jw_of(&json);
        ds_jw_object(&w, NULL);
        ds_jw_text(&w, "text", ds_buf_span(&o->text));
        ds_jw_object_end(&w);
        ds_buf_char(&json, '\n');
        DS_TRY(ds_buf_end(&json, e, "log"));
    }
    if (o->json || o->text.len > 0)
        cli_print_span(o->json ? ds_buf_span(&json) : ds_buf_span(&o->text));
    ds_buf_clear(&o->text);
    return DS_OK;
}

/* C2 80 to C2 9F are control characters too: C2 9B begins what ESC [ begins. */
static void take_byte(struct output *o, uint8_t c)
{
    static const uint8_t mark = '?', lead = 0xc2;
    bool is_c1 = o->has_c2 && c >= 0x80 && c < 0xa0;
    if (o->has_c2 && !is_c1)
        ds_buf_add(&o->text, DS_SPAN(&lead, 1));
    o->has_c2 = c == lead;
    if (c == '\r' || o->has_c2)
        return;
    bool is_plain = !is_c1 && (c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f));
    ds_buf_add(&o->text, DS_SPAN(is_plain ? &c : &mark, 1));
}

/*
 * Guest text on a terminal: control characters other than newline and tab are shown as '?'. With
 * --json all of it is one document, or, when it is followed, one for each piece.
 */
static int take_piece(void *arg, struct ds_span piece, struct ds_error *e)
{
    struct output *o = arg;
    o->printed = o->printed || piece.len > 0;
    for (size_t i = 0; i < piece.len; i++)
        take_byte(o, piece.p[i]);
    if (o->text.len > TEXT_MAX)
        return ds_fail_code(e, DS_ERR_PEER, DS_CODE_RPC_BAD_REPLY,
                            "dstack-vmm sends more than %zu bytes for one answer", TEXT_MAX);
    return o->json && !o->follow ? DS_OK : flush(o, e);
}

static int print_console(struct cli *cli, const struct opts *o, struct output *out, const char *id,
                         struct ds_error *e)
{
    struct net_target vmm;
    DS_AUTO(net_http_response_done) struct net_http_response r = { 0 };
    char path[256];
    DS_TRY(net_target_parse(&vmm, cli->vmm_socket, e));
    (void)snprintf(path, sizeof path, "/logs?id=%s&ch=serial&lines=%llu&follow=%s", id,
                   (unsigned long long)o->lines, o->follow ? "true" : "false");
    const struct net_http_call call = { .path = path,
                                        .sink = take_piece,
                                        .sink_arg = out,
                                        .timeout_ms = o->follow ? INT32_MAX : 30000 };
    DS_TRY(net_http_call(&r, &vmm, NULL, &call, e));
    if (r.status != 200)
        return ds_fail(e, DS_ERR_PEER, "dstack-vmm answers %d to the request for logs", r.status);
    return DS_OK;
}

/* since_s below 0: the newest lines up to now; else from there, and *ret_next_s is where to go on. */
static int ask_containers(int64_t *ret_next_s, struct cli *cli, const struct opts *o,
                          struct output *out, const char *id, int64_t since_s, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf params = { 0 };
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    struct ds_jw w = ds_jw_of(&params);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "id", id);
    ds_jw_u64(&w, "lines", since_s > 0 ? FOLLOW_LINES : o->lines);
    ds_jw_str(&w, "container", o->container != NULL ? o->container : "");
    if (since_s >= 0)
        ds_jw_i64(&w, "since_s", since_s);
    ds_jw_object_end(&w);
    DS_TRY(ds_jw_end(&w, e, "GuestLogs"));
    DS_TRY(cli_vmm_call(&doc, cli, "GuestLogs", ds_buf_span(&params), e));
    yyjson_val *root = yyjson_doc_get_root(doc);
    *ret_next_s = yyjson_get_sint(yyjson_obj_get(root, "next_s"));
    return take_piece(out, ds_span_str(cli_text(root, "text")), e);
}

/* Followed until the VM or the reader goes. */
static int print_containers(struct cli *cli, const struct opts *o, struct output *out,
                            const char *id, struct ds_error *e)
{
    int64_t next_s = 0;
    if (!o->follow)
        return ask_containers(&next_s, cli, o, out, id, -1, e);
    for (;;) {
        DS_TRY(ask_containers(&next_s, cli, o, out, id, next_s, e));
        (void)nanosleep(&(struct timespec){ .tv_sec = FOLLOW_S }, NULL);
    }
}

int cmd_logs(struct cli *cli, int argc, char **argv, struct ds_error *e)
{
    struct opts o = { .lines = 100 };
    struct ds_arg_rest rest;
    bool done;
    DS_TRY(cli_parse(&cmd_logs_args, &o, &rest, &done, argc, argv, e));
    if (done)
        return DS_OK;
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    yyjson_val *vm;
    DS_TRY(cli_vmm_ensure(cli, e));
    DS_TRY(cli_vm_get(&doc, &vm, cli, rest.v[0], e));
    bool of_containers = o.containers || o.container != NULL;
    if (of_containers)
        DS_TRY(cli_vm_check_runs(vm, e));
    struct output out = { .json = cli->json, .follow = o.follow };
    int r = of_containers ? print_containers(cli, &o, &out, cli_text(vm, "id"), e)
                          : print_console(cli, &o, &out, cli_text(vm, "id"), e);
    if (r == DS_OK && out.json && !out.follow)
        r = flush(&out, e);
    if (r == DS_OK && !out.printed)
        cli_note("(nothing printed yet)\n");
    ds_buf_done(&out.text);
    return r;
}
