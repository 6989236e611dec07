/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The helper's state and its event loop. Control requests are handled one after
 * another, in order; measuring a launch blocks for a second, when nobody else
 * can be waiting yet.
 */
#include "simtee/server.h"

#include <errno.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "codec/json.h"
#include "codec/json_write.h"
#include "net/loop.h"
#include "net/mux.h"
#include "rpc/serve.h"
#include "simtee/guest.h"
#include "simtee/launch.h"
#include "simtee/packet.h"
#include "simtee/unix.h"

#define CLIENTS_MAX  4
#define REQUEST_MEM  ((size_t)64 * 1024)
#define IDLE_MS      60000 /* nobody asks and no guest is served */
#define IDLE_STEP_MS 5000
#define QEMU_WAIT_MS 60000 /* from Serve until tee.sock is there */
#define RECONNECT_MS 50

enum phase {
    PHASE_IDLE,     /* no launch yet */
    PHASE_LAUNCHED, /* registers are known; QEMU may not run yet */
    PHASE_SERVING,  /* tee.sock is, or was, connected */
};

static const char *const phase_texts[] = { "idle", "launched", "serving" };

struct client {
    struct simtee_server *server;
    int fd; /* -1: free */
    struct net_event *event;
};

struct simtee_server {
    struct simtee_server_cfg cfg;
    struct net_loop *loop;
    int lock_fd;
    struct net_event *listen_event, *connect_timer, *idle_timer, *term_event, *qemu_event;
    struct client clients[CLIENTS_MAX];
    enum phase phase;
    struct simtee_pki *pki;
    struct simtee_journal journal;
    struct simtee_guest guest;
    struct net_mux *mux;
    char tee_socket[SIMTEE_PATH_MAX];
    int64_t connect_until_ms, busy_ms;
    int qemu_pidfd;
    int result;
    struct ds_error why; /* of result */
};

/* What a method gives back: the text of its result, and descriptors to go with it. */
struct answer {
    struct ds_buf result;
    int fds[SIMTEE_FILE_COUNT];
    size_t n_fds;
    bool stop; /* the helper's life ends when this is sent */
};

static void answer_done(struct answer *a)
{
    ds_buf_done(&a->result);
    for (size_t i = 0; i < a->n_fds; i++)
        ds_auto_close(&a->fds[i]);
}

static void stop(struct simtee_server *s, int result)
{
    s->result = result;
    net_loop_stop(s->loop);
}

static char *journal_path(const struct simtee_server *s)
{
    return ds_str_fmt("%s/journal", s->cfg.dir);
}

static int reply_registers(struct answer *a, const struct simtee_journal *j, struct ds_error *e)
{
    struct ds_jw w = ds_jw_of(&a->result);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "launch_id", j->launch_id);
    ds_jw_hex(&w, "mrtd", DS_SPAN_OF(j->regs.mrtd48));
    ds_jw_hex(&w, "mrconfigid", DS_SPAN_OF(j->regs.mrconfigid48));
    ds_jw_hex(&w, "rtmr0", DS_SPAN_OF(j->regs.rtmr48[0]));
    ds_jw_hex(&w, "rtmr1", DS_SPAN_OF(j->regs.rtmr48[1]));
    ds_jw_hex(&w, "rtmr2", DS_SPAN_OF(j->regs.rtmr48[2]));
    ds_jw_hex(&w, "rtmr3", DS_SPAN_OF(j->regs.rtmr48[3]));
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "registers");
}

/* From here on quotes can be made and the channel can be served. */
static int become_launched(struct simtee_server *s, struct ds_error *e)
{
    DS_TRY(simtee_pki_open(&s->pki, s->cfg.state, ds_clock_now_s(), e));
    DS_TRY(simtee_guest_init(&s->guest, &s->journal, s->pki, e));
    s->phase = PHASE_LAUNCHED;
    ds_log(&s->cfg.log, DS_LOG_INFO, "simtee.launched", "launch_id", s->journal.launch_id);
    return DS_OK;
}

/* Launched before, but no machine ran: the files must still measure to the same. */
static int check_same(const struct simtee_journal *have, const struct simtee_launch *now,
                      struct ds_error *e)
{
    if (have->n_extends > 0)
        return ds_fail_code(e, DS_ERR_EXISTS, DS_CODE_SIMTEE_LAUNCH_USED, "launch '%s' ran already",
                            have->launch_id);
    if (memcmp(have->spec32, now->start.spec32, sizeof have->spec32) != 0 ||
        memcmp(&have->regs, &now->start.regs, sizeof have->regs) != 0)
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_SIMTEE_JOURNAL_MISMATCH, "launch",
                         "what was measured at first", "other files or another spec", "journal");
    return DS_OK;
}

static int begin_or_reopen(struct simtee_server *s, const struct simtee_launch *l,
                           struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *path = journal_path(s);
    if (path == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "journal");
    if (simtee_journal_open(&s->journal, path, l->start.launch_id, e) == DS_OK)
        return check_same(&s->journal, l, e);
    return simtee_journal_begin(&s->journal, path, &l->start, e);
}

static int on_launch(struct simtee_server *s, struct ds_span params, struct answer *a,
                     struct ds_error *e)
{
    DS_AUTO(simtee_launch_done) struct simtee_launch l = SIMTEE_LAUNCH_NONE;
    struct simtee_spec spec;
    DS_TRY(simtee_spec_parse(&spec, params, e));
    if (s->phase == PHASE_SERVING ||
        (s->phase == PHASE_LAUNCHED && strcmp(s->journal.launch_id, spec.launch_id) != 0))
        return ds_fail_code(e, DS_ERR_EXISTS, DS_CODE_SIMTEE_LAUNCH_USED,
                            "this helper has launch '%s'", s->journal.launch_id);
    DS_TRY(simtee_launch_make(&l, &spec, e));
    if (s->phase == PHASE_LAUNCHED) {
        DS_TRY(check_same(&s->journal, &l, e));
    } else {
        DS_TRY(begin_or_reopen(s, &l, e));
        DS_TRY(become_launched(s, e));
    }
    DS_TRY(reply_registers(a, &s->journal, e));
    for (size_t i = 0; i < SIMTEE_FILE_COUNT; i++)
        a->fds[i] = DS_TAKE_FD(l.fds[i]);
    a->n_fds = SIMTEE_FILE_COUNT;
    return DS_OK;
}

/* One text member of the parameters, into room of SIMTEE_PATH_MAX bytes. */
static int get_param(char ret[static SIMTEE_PATH_MAX], struct ds_span params, const char *key,
                     struct ds_error *e)
{
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(REQUEST_MEM);
    struct ds_arena mem = ds_arena_of(room, room != NULL ? REQUEST_MEM : 0);
    const struct ds_json_tok *root, *t;
    struct ds_span text;
    DS_TRY(ds_json_parse_in(&root, &mem, params, e));
    DS_TRY(ds_json_get(&t, root, key, DS_JSON_STRING, e));
    DS_TRY(ds_json_str(&text, &mem, t, e));
    if (!ds_str_copy_span(ret, SIMTEE_PATH_MAX, text))
        return ds_fail(e, DS_ERR_RANGE, "'%s' is too long", key);
    return DS_OK;
}

static int on_resume(struct simtee_server *s, struct ds_span params, struct answer *a,
                     struct ds_error *e)
{
    char launch_id[SIMTEE_PATH_MAX];
    DS_TRY(get_param(launch_id, params, "launch_id", e));
    if (s->phase == PHASE_IDLE) {
        DS_AUTO(ds_auto_free) char *path = journal_path(s);
        if (path == NULL)
            return ds_fail(e, DS_ERR_NOMEM, "journal");
        DS_TRY(simtee_journal_open(&s->journal, path, launch_id, e));
        DS_TRY(become_launched(s, e));
    }
    if (strcmp(launch_id, s->journal.launch_id) != 0)
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_SIMTEE_JOURNAL_MISMATCH, "launch id",
                         launch_id, s->journal.launch_id, "journal");
    return reply_registers(a, &s->journal, e);
}

static int on_serve(struct simtee_server *s, struct ds_span params, struct answer *a,
                    struct ds_error *e)
{
    if (s->phase == PHASE_IDLE)
        return ds_fail(e, DS_ERR_ARG, "Serve comes after Launch or Resume");
    if (s->phase == PHASE_LAUNCHED) {
        DS_TRY(get_param(s->tee_socket, params, "socket", e));
        s->connect_until_ms = ds_clock_mono_ms() + QEMU_WAIT_MS;
        s->phase = PHASE_SERVING;
        DS_TRY(net_event_after(s->connect_timer, 0, e));
    }
    ds_buf_str(&a->result, "{}");
    return ds_buf_end(&a->result, e, "Serve");
}

static int on_status(struct simtee_server *s, struct ds_span params, struct answer *a,
                     struct ds_error *e)
{
    (void)params;
    struct ds_jw w = ds_jw_of(&a->result);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "launch_id", s->journal.launch_id);
    ds_jw_str(&w, "phase", phase_texts[s->phase]);
    ds_jw_bool(&w, "connected", s->mux != NULL && net_mux_is_up(s->mux));
    ds_jw_u64(&w, "n_extends", s->journal.n_extends);
    ds_jw_hex(&w, "rtmr3", DS_SPAN_OF(s->journal.regs.rtmr48[3]));
    ds_jw_u64(&w, "n_quotes", s->guest.n_quotes);
    ds_jw_i64(&w, "pid", getpid());
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "Status");
}

static int on_end(struct simtee_server *s, struct ds_span params, struct answer *a,
                  struct ds_error *e)
{
    (void)s;
    (void)params;
    a->stop = true;
    ds_buf_str(&a->result, "{}");
    return ds_buf_end(&a->result, e, "End");
}

struct method {
    const char *name;
    int (*run)(struct simtee_server *s, struct ds_span params, struct answer *a,
               struct ds_error *e);
    bool fatal; /* a helper without registers is of no use */
};

static const struct method methods[] = {
    { "Launch", on_launch, true },  { "Resume", on_resume, true }, { "Serve", on_serve, false },
    { "Status", on_status, false }, { "End", on_end, false },
};

static const struct method *method_find(const struct ds_json_tok *name)
{
    for (size_t i = 0; i < DS_LEN(methods); i++)
        if (ds_json_is_str(name, methods[i].name))
            return &methods[i];
    return NULL;
}

static int dispatch(struct simtee_server *s, struct ds_span text, struct answer *a,
                    struct ds_error *e)
{
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(REQUEST_MEM);
    struct ds_arena mem = ds_arena_of(room, room != NULL ? REQUEST_MEM : 0);
    const struct ds_json_tok *root, *name, *params;
    DS_TRY(ds_json_parse_in(&root, &mem, text, e));
    DS_TRY(ds_json_get(&name, root, "method", DS_JSON_STRING, e));
    DS_TRY(ds_json_get(&params, root, "params", DS_JSON_OBJECT, e));
    const struct method *m = method_find(name);
    if (m == NULL)
        return ds_fail(e, DS_ERR_NOTFOUND, "dstack-simtee has no such method");
    int r = m->run(s, params->raw, a, e);
    if (r < 0 && m->fatal && s->phase != PHASE_SERVING) {
        a->stop = true;
        s->why = *e;
    }
    return r;
}

static int send_answer(int fd, int r, struct answer *a, const struct ds_error *failure,
                       struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    if (r < 0) {
        rpc_error_encode(&out, failure, NULL);
    } else {
        ds_buf_str(&out, "{\"result\":");
        ds_buf_add(&out, ds_buf_span(&a->result));
        ds_buf_char(&out, '}');
    }
    DS_TRY(ds_buf_end(&out, e, "answer"));
    return simtee_packet_send(fd, ds_buf_span(&out), a->fds, r < 0 ? 0 : a->n_fds, e);
}

static void client_close(struct client *c)
{
    net_event_free(c->event);
    ds_auto_close(&c->fd);
    c->event = NULL;
    c->fd = -1;
}

static void on_client(void *arg, unsigned what)
{
    (void)what;
    struct client *c = arg;
    struct simtee_server *s = c->server;
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    DS_AUTO(answer_done) struct answer a = { .n_fds = 0 };
    int stray[SIMTEE_PACKET_FDS];
    struct ds_error e, failure;
    s->busy_ms = ds_clock_mono_ms();
    if (simtee_packet_recv(&text, stray, c->fd, &e) < 0) {
        client_close(c);
        return;
    }
    for (size_t i = 0; i < SIMTEE_PACKET_FDS; i++)
        ds_auto_close(&stray[i]);
    int r = dispatch(s, ds_buf_span(&text), &a, &failure);
    if (r < 0)
        ds_log(&s->cfg.log, DS_LOG_WARN, "simtee.request_failed", "err", failure.msg, "code",
               ds_code_info_get(failure.code)->id);
    if (send_answer(c->fd, r, &a, &failure, &e) < 0)
        client_close(c);
    if (a.stop)
        stop(s, r);
}

static bool is_peer_allowed(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

static struct client *client_free_slot(struct simtee_server *s)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (s->clients[i].fd < 0)
            return &s->clients[i];
    return NULL;
}

static void on_accept(void *arg, unsigned what)
{
    (void)what;
    struct simtee_server *s = arg;
    DS_AUTO(ds_auto_close) int fd = accept4(s->cfg.control_fd, NULL, NULL, SOCK_CLOEXEC);
    struct client *c = client_free_slot(s);
    struct ds_error e;
    if (fd < 0 || c == NULL || !is_peer_allowed(fd))
        return;
    if (net_event_fd(&c->event, s->loop, fd, NET_READ, on_client, c, &e) < 0)
        return;
    c->fd = DS_TAKE_FD(fd);
    s->busy_ms = ds_clock_mono_ms();
}

static void on_idle(void *arg, unsigned what)
{
    (void)what;
    struct simtee_server *s = arg;
    bool busy = s->phase == PHASE_SERVING;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        busy |= s->clients[i].fd >= 0;
    if (busy)
        s->busy_ms = ds_clock_mono_ms();
    struct ds_error e;
    if (ds_clock_mono_ms() - s->busy_ms >= IDLE_MS ||
        net_event_after(s->idle_timer, IDLE_STEP_MS, &e) < 0)
        stop(s, DS_OK);
}

static void on_term(void *arg, unsigned what)
{
    (void)what;
    stop(arg, DS_OK);
}

static void on_qemu_end(void *arg, unsigned what)
{
    (void)what;
    struct simtee_server *s = arg;
    ds_log(&s->cfg.log, DS_LOG_INFO, "simtee.vm_ended", "launch_id", s->journal.launch_id);
    stop(s, DS_OK);
}

/* The listener of the chardev socket is QEMU: when it ends, so do we. */
static int watch_qemu(struct simtee_server *s, int fd, struct ds_error *e)
{
    if (s->qemu_pidfd >= 0)
        return DS_OK;
    struct ucred peer;
    socklen_t len = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
        return ds_fail_errno(e, errno, "who listens on '%s'", s->tee_socket);
    s->qemu_pidfd = pidfd_open(peer.pid, 0);
    if (s->qemu_pidfd < 0)
        return ds_fail(e, DS_ERR_UNAVAILABLE, "process %d, which listened on '%s', is gone",
                       (int)peer.pid, s->tee_socket);
    return net_event_fd(&s->qemu_event, s->loop, s->qemu_pidfd, NET_READ, on_qemu_end, s, e);
}

static int connect_guest(struct simtee_server *s, struct ds_error *e)
{
    DS_AUTO(ds_auto_close) int fd = -1;
    DS_TRY(simtee_unix_connect(&fd, s->tee_socket, SOCK_STREAM, e));
    DS_TRY(watch_qemu(s, fd, e));
    DS_TRY(net_mux_attach(s->mux, fd, NET_MUX_SOCKET, e));
    (void)DS_TAKE_FD(fd); /* taken */
    return DS_OK;
}

static void on_connect_timer(void *arg, unsigned what)
{
    (void)what;
    struct simtee_server *s = arg;
    struct ds_error e;
    if (net_mux_is_up(s->mux))
        return;
    int r = connect_guest(s, &e);
    if (r == DS_ERR_UNAVAILABLE && ds_clock_mono_ms() < s->connect_until_ms)
        r = net_event_after(s->connect_timer, RECONNECT_MS, &e);
    if (r < 0) {
        s->why = e;
        stop(s, r);
    }
}

static void on_guest_up(void *arg)
{
    struct simtee_server *s = arg;
    ds_log(&s->cfg.log, DS_LOG_INFO, "simtee.guest_up", "launch_id", s->journal.launch_id);
}

static void on_guest_down(void *arg, const struct ds_error *why)
{
    struct simtee_server *s = arg;
    struct ds_error e;
    ds_log(&s->cfg.log, DS_LOG_INFO, "simtee.guest_down", "err", why->msg);
    s->connect_until_ms = ds_clock_mono_ms() + QEMU_WAIT_MS;
    if (net_event_after(s->connect_timer, RECONNECT_MS, &e) < 0)
        stop(s, e.cls);
}

static void on_guest_request(void *arg, struct net_call *call, struct ds_span payload)
{
    struct simtee_server *s = arg;
    rpc_serve_channel(&s->guest.service, call, payload, NULL);
}

static const struct net_mux_ops mux_ops = {
    .up = on_guest_up,
    .down = on_guest_down,
    .request = on_guest_request,
};

void simtee_server_free(struct simtee_server *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        client_close(&s->clients[i]);
    net_mux_free(s->mux);
    net_event_free(s->qemu_event);
    net_event_free(s->listen_event);
    net_event_free(s->connect_timer);
    net_event_free(s->idle_timer);
    net_event_free(s->term_event);
    net_loop_free(s->loop);
    simtee_guest_done(&s->guest);
    simtee_pki_free(s->pki);
    simtee_journal_close(&s->journal);
    ds_auto_close(&s->qemu_pidfd);
    ds_auto_close(&s->cfg.control_fd);
    ds_auto_close(&s->lock_fd);
    free(s);
}

static int init(struct simtee_server *s, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *lock_path = ds_str_fmt("%s/lock", s->cfg.dir);
    if (lock_path == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "start the helper");
    DS_TRY(ds_file_lock(&s->lock_fd, lock_path, e));
    DS_TRY(net_loop_new(&s->loop, e));
    DS_TRY(net_mux_new(&s->mux, s->loop, NET_MUX_HOST, &mux_ops, s, e));
    DS_TRY(net_event_timer(&s->connect_timer, s->loop, on_connect_timer, s, e));
    DS_TRY(net_event_timer(&s->idle_timer, s->loop, on_idle, s, e));
    DS_TRY(net_event_after(s->idle_timer, IDLE_STEP_MS, e));
    DS_TRY(net_event_signal(&s->term_event, s->loop, SIGTERM, on_term, s, e));
    return net_event_fd(&s->listen_event, s->loop, s->cfg.control_fd, NET_READ, on_accept, s, e);
}

int simtee_server_new(struct simtee_server **ret, const struct simtee_server_cfg *cfg,
                      struct ds_error *e)
{
    struct simtee_server *s = calloc(1, sizeof *s);
    if (s == NULL) {
        (void)close(cfg->control_fd);
        return ds_fail(e, DS_ERR_NOMEM, "start the helper");
    }
    s->cfg = *cfg;
    s->lock_fd = -1;
    s->qemu_pidfd = -1;
    s->journal = SIMTEE_JOURNAL_NONE;
    s->busy_ms = ds_clock_mono_ms();
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        s->clients[i] = (struct client){ .server = s, .fd = -1 };
    int r = init(s, e);
    if (r < 0) {
        simtee_server_free(s);
        return r;
    }
    *ret = s;
    return DS_OK;
}

int simtee_server_run(struct simtee_server *s, struct ds_error *e)
{
    DS_TRY(net_loop_run(s->loop, e));
    if (s->result < 0 && e != NULL)
        *e = s->why;
    return s->result;
}
