/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boot progress from the VMM's GetInfo: boot_steps, boot_error, status.
 */
#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/daemons.h"
#include "codec/json_write.h"
#include "rpc/client.h"

#define POLL_NS     100000000L
#define BAR_WIDTH   56
#define STEP_MS_MAX 86400000 /* a day */

static int get_info(yyjson_doc **ret, yyjson_val **ret_info, struct cli *cli, const char *id,
                    struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf params = { 0 };
    struct ds_jw w = ds_jw_of(&params);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "id", id);
    ds_jw_object_end(&w);
    DS_TRY(ds_jw_end(&w, e, "GetInfo"));
    DS_TRY(cli_vmm_call(ret, cli, "GetInfo", ds_buf_span(&params), e));
    *ret_info = yyjson_obj_get(yyjson_doc_get_root(*ret), "info");
    if (*ret_info == NULL)
        return ds_refuse(e, DS_ERR_NOTFOUND, DS_CODE_CLI_NO_VM, "id", "a VM of this machine", id,
                         NULL);
    return DS_OK;
}

/* Times are a guest's word, told on by a VMM: what cannot be is 0. */
static int64_t step_ms(yyjson_val *step, const char *key)
{
    int64_t ms = yyjson_get_sint(yyjson_obj_get(step, key));
    return ms >= 0 && ms <= STEP_MS_MAX ? ms : 0;
}

static void show_step(yyjson_val *step)
{
    DS_AUTO(ds_buf_done) struct ds_buf line = { 0 };
    ds_buf_str(&line, "  ");
    cli_plain_add(&line, cli_text(step, "state"), 8);
    cli_plain_add(&line, cli_text(step, "step"), 13);
    cli_plain_add(&line, cli_text(step, "title"), 45);
    ds_buf_printf(&line, "%6.1f s\n", (double)step_ms(step, "ms") / 1000.0);
    if (ds_buf_end(&line, NULL, "a step") == DS_OK)
        cli_note("%s", line.p);
}

/* What was shown of a boot. */
struct watch {
    size_t n_shown; /* finished steps */
    bool told_accel, is_terminal;
    char step[32]; /* the one that runs, on a terminal */
    int64_t began_ms;
};

/* The line of the running step makes room for what stays. */
static void clear_line(const struct watch *w)
{
    if (w->is_terminal)
        cli_note("\r\033[K");
}

/* Print what is new since the last look. */
static void show_steps(const struct cli *cli, yyjson_val *info, struct watch *w)
{
    yyjson_val *steps = yyjson_obj_get(info, "boot_steps"), *s;
    size_t i, n, done = 0;
    if (yyjson_arr_size(steps) < w->n_shown)
        w->n_shown = 0; /* the VM was started again */
    yyjson_arr_foreach(steps, i, n, s)
    {
        if (strcmp(cli_text(s, "state"), "start") == 0)
            continue;
        if (done++ < w->n_shown)
            continue;
        w->n_shown = done;
        if (cli->json)
            continue;
        clear_line(w);
        show_step(s);
    }
}

/* The step that goes on, on one line of a terminal that the next one overwrites. */
static void show_running(yyjson_val *info, struct watch *w)
{
    const char *step = "", *title = "firmware and kernel start";
    yyjson_val *steps = yyjson_obj_get(info, "boot_steps"), *s;
    size_t i, n;
    if (!w->is_terminal)
        return;
    yyjson_arr_foreach(steps, i, n, s)
    {
        if (strcmp(cli_text(s, "state"), "start") != 0)
            continue;
        step = cli_text(s, "step");
        title = cli_text(s, "title");
    }
    if (w->began_ms == 0 || strncmp(w->step, step, sizeof w->step - 1) != 0) {
        (void)snprintf(w->step, sizeof w->step, "%s", step);
        w->began_ms = ds_clock_mono_ms();
    }
    DS_AUTO(ds_buf_done) struct ds_buf line = { 0 };
    ds_buf_str(&line, "  ...     ");
    cli_plain_add(&line, step, 12);
    ds_buf_char(&line, ' ');
    cli_plain_add(&line, title, 44);
    ds_buf_printf(&line, " %6.1f s", (double)(ds_clock_mono_ms() - w->began_ms) / 1000.0);
    if (ds_buf_end(&line, NULL, "a step") == DS_OK)
        cli_note("\r\033[K%s", line.p);
}

/* Why everything takes so long, as soon as it is known. */
static void tell_accel(yyjson_val *info, struct watch *w)
{
    if (w->told_accel || strcmp(cli_text(info, "accel"), "tcg") != 0)
        return;
    w->told_accel = true;
    clear_line(w);
    cli_note("KVM does not run here: the VM is emulated, and everything in it several times slower "
             "('dstack doctor' says why)\n");
}

/* The guest's own error body becomes this command's failure. */
static int take_boot_error(struct cli *cli, yyjson_val *info, struct ds_error *e)
{
    yyjson_val *error = yyjson_obj_get(info, "boot_failure");
    if (!yyjson_is_obj(error))
        return DS_OK;
    size_t len;
    DS_AUTO(ds_auto_free) char *text = yyjson_val_write(error, YYJSON_WRITE_ESCAPE_UNICODE, &len);
    if (text == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read the boot error");
    return rpc_error_decode(&cli->reasons, DS_SPAN(text, len), e);
}

static int wait_for_app(struct cli *cli, struct watch *w, const char *id, int64_t timeout_ms,
                        struct ds_error *e)
{
    int64_t deadline = ds_clock_mono_ms() + timeout_ms;
    for (;;) {
        DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
        yyjson_val *info;
        DS_TRY(get_info(&doc, &info, cli, id, e));
        tell_accel(info, w);
        show_steps(cli, info, w);
        DS_TRY(take_boot_error(cli, info, e));
        const char *status = cli_text(info, "status");
        if (yyjson_get_bool(yyjson_obj_get(info, "app_ready")) && strcmp(status, "running") == 0)
            return DS_OK;
        bool again = yyjson_get_bool(yyjson_obj_get(info, "restarting"));
        if (!again && (strcmp(status, "exited") == 0 || strcmp(status, "stopped") == 0))
            return ds_refuse(e, DS_ERR_UNAVAILABLE, DS_CODE_CLI_BOOT_ENDED, "status", "running",
                             status, NULL);
        if (ds_clock_mono_ms() > deadline)
            return ds_refuse(e, DS_ERR_TIMEOUT, DS_CODE_CLI_BOOT_TIMEOUT, "boot",
                             "the app within the time given", cli_text(info, "boot_progress"),
                             NULL);
        show_running(info, w);
        (void)nanosleep(&(struct timespec){ .tv_nsec = POLL_NS }, NULL);
    }
}

int cli_boot_wait(struct cli *cli, const char *id, int64_t timeout_ms, struct ds_error *e)
{
    struct watch w = { .is_terminal = !cli->json && isatty(STDERR_FILENO) == 1 };
    int r = wait_for_app(cli, &w, id, timeout_ms, e);
    clear_line(&w);
    return r;
}

static void add_bar(struct ds_buf *out, yyjson_val *step, int64_t end_ms)
{
    int64_t from = step_ms(step, "t_ms"), took = step_ms(step, "ms"); /* when it began */
    int at = (int)(from * BAR_WIDTH / end_ms), len = (int)(took * BAR_WIDTH / end_ms);
    ds_buf_str(out, "  ");
    cli_plain_add(out, cli_text(step, "step"), 12);
    ds_buf_printf(out, " %6.2f s  |%*s", (double)took / 1000.0, at, "");
    for (int i = 0; i <= len && at + i < BAR_WIDTH; i++)
        ds_buf_char(out, '#');
    ds_buf_printf(out, "%*s|\n", BAR_WIDTH - at - len - 1 > 0 ? BAR_WIDTH - at - len - 1 : 0, "");
}

int cli_boot_waterfall(struct cli *cli, const char *id, struct ds_error *e)
{
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    yyjson_val *info, *s;
    size_t i, n;
    int64_t end_ms = 1;
    DS_TRY(get_info(&doc, &info, cli, id, e));
    yyjson_val *steps = yyjson_obj_get(info, "boot_steps");
    yyjson_arr_foreach(steps, i, n, s)
    {
        int64_t until = step_ms(s, "t_ms") + step_ms(s, "ms");
        end_ms = until > end_ms ? until : end_ms;
    }
    ds_buf_printf(&out, "boot, 0 to %.1f s since the kernel started:\n", (double)end_ms / 1000.0);
    yyjson_arr_foreach(steps, i, n, s)
    {
        if (strcmp(cli_text(s, "state"), "start") != 0)
            add_bar(&out, s, end_ms);
    }
    DS_TRY(ds_buf_end(&out, e, "waterfall"));
    cli_print_span(ds_buf_span(&out));
    return DS_OK;
}
