/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two tables behind a lock. Callers' collateral has a table of its own, so that
 * whoever sends much of it crowds out only such.
 */
#include "verifier/warm.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "codec/pem.h"
#include "crypto/hash.h"

#define ROOM                  \
    (DS_DCAP_COLLATERAL_MEM + \
     ((size_t)64 << 10)) /* beside the texts; what stays unused is given back */
#define PAGE ((size_t)4096)

/* Under which roots something verified: under others it counts for nothing. */
#define TRUST_MAX 4
struct trust {
    struct ds_extra_anchor extra[TRUST_MAX];
    size_t n;
    uint32_t without;
};

struct warm_platform {
    struct trust trust;
    struct ds_dcap_platform *platform;
    struct ds_dcap_collateral coll; /* which platform keeps */
    struct ds_dcap_qe qe;
    enum ds_tee tee;
    enum verifier_by whose, by;
    uint8_t set32[32];
    uint64_t generation;
    size_t refs, used;
    struct ds_span chain; /* the certification data of its quotes */
    uint8_t chain32[32];  /* of its certificates, however they are written */
    uint8_t leaf32[32];   /* of the first */
    uint8_t *room;        /* what all of these borrow: mapped, so that it is as large as it says */
    size_t room_len;
};

/* A chain by its certificates. */
struct chain_id {
    uint8_t chain32[32], leaf32[32];
};

struct table {
    struct warm_platform *all[WARM_MAX];
    size_t n;
};

struct chip {
    struct trust trust;
    uint8_t id32[32];
    struct ds_snp_platform platform;
    size_t used; /* 0: free */
};

struct warm {
    pthread_mutex_t lock;
    struct table own, given;
    struct chip chips[WARM_MAX];
    size_t clock; /* counts questions */
};

static bool trust_is(const struct trust *t, const struct ds_anchors *a)
{
    bool same = a->n_extra == t->n && a->without == t->without;
    for (size_t i = 0; same && i < t->n; i++)
        same = a->extra[i].is_simulated == t->extra[i].is_simulated &&
               strcmp(a->extra[i].name, t->extra[i].name) == 0 &&
               memcmp(a->extra[i].spki_sha256, t->extra[i].spki_sha256, 32) == 0;
    return same;
}

/* More roots than there is room for: never found again, since no set of roots has SIZE_MAX. */
static struct trust trust_of(const struct ds_anchors *a)
{
    struct trust t = { .n = a->n_extra <= TRUST_MAX ? a->n_extra : SIZE_MAX,
                       .without = a->without };
    for (size_t i = 0; i < a->n_extra && i < TRUST_MAX; i++)
        t.extra[i] = a->extra[i];
    return t;
}

static void platform_free(struct warm_platform *p)
{
    if (p == NULL)
        return;
    if (p->room != NULL)
        (void)munmap(p->room, p->room_len);
    free(p);
}
DS_DEFINE_AUTO(struct warm_platform, platform_free);

static void drop(struct warm_platform *p)
{
    if (--p->refs == 0)
        platform_free(p);
}

int warm_new(struct warm **ret, struct ds_error *e)
{
    struct warm *w = calloc(1, sizeof *w);
    if (w == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "known platforms");
    (void)pthread_mutex_init(&w->lock, NULL);
    *ret = w;
    return DS_OK;
}

void warm_free(struct warm *w)
{
    if (w == NULL)
        return;
    struct table *const tables[] = { &w->own, &w->given };
    for (size_t t = 0; t < DS_LEN(tables); t++)
        for (size_t i = 0; i < tables[t]->n; i++)
            drop(tables[t]->all[i]);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
}

static struct table *table_of(struct warm *w, const struct warm_ground *ground)
{
    return ground->whose == VERIFIER_BY_OWN ? &w->own : &w->given;
}

/*
 * The certificates of a chain, and that they are one: types of certification data mean different
 * things. What is no chain in PEM is its bytes. False: it cannot be told apart from others.
 */
static bool identify(struct chain_id *ret, struct ds_arena mem, const struct ds_dcap_quote *quote)
{
    struct ds_span parts[2 + 2 * DS_X509_CHAIN_MAX] = { DS_SPAN(&quote->cert_type,
                                                                sizeof quote->cert_type) };
    uint32_t lens[DS_X509_CHAIN_MAX];
    struct ds_span der, rest = quote->cert_data;
    size_t n = 0;
    while (n < DS_X509_CHAIN_MAX && ds_pem_next(&der, &rest, "CERTIFICATE", &mem, NULL) == DS_OK &&
           der.p != NULL) {
        lens[n] = (uint32_t)der.len;
        parts[1 + 2 * n] = DS_SPAN(&lens[n], sizeof lens[n]);
        parts[2 + 2 * n] = der;
        n++;
    }
    if (n == 0)
        parts[2] = quote->cert_data;
    return ds_hash_v(DS_SHA256, ret->leaf32, parts, 3, NULL) == DS_OK &&
           ds_hash_v(DS_SHA256, ret->chain32, parts, n > 0 ? 1 + 2 * n : 3, NULL) == DS_OK;
}

static bool is_ground(const struct warm_platform *p, const struct warm_ground *ground)
{
    return p->whose == ground->whose && p->generation == ground->generation &&
           memcmp(p->set32, ground->set32, 32) == 0 && p->tee == ground->tee &&
           trust_is(&p->trust, ground->anchors);
}

/* id: NULL: byte for byte. */
static bool is_of(const struct warm_platform *p, struct ds_dcap_quote quote,
                  const struct chain_id *id)
{
    if (id == NULL)
        return ds_span_eq(p->chain, quote.cert_data) &&
               ds_dcap_platform_serves(p->platform, &quote);
    quote.cert_data = p->chain;
    return memcmp(p->chain32, id->chain32, 32) == 0 && ds_dcap_platform_serves(p->platform, &quote);
}

static struct warm_platform *find(struct warm *w, const struct ds_dcap_quote *quote,
                                  const struct chain_id *id, const struct warm_ground *ground)
{
    const struct table *t = table_of(w, ground);
    struct warm_platform *found = NULL;
    (void)pthread_mutex_lock(&w->lock);
    for (size_t i = 0; found == NULL && i < t->n; i++)
        if (is_ground(t->all[i], ground) && is_of(t->all[i], *quote, id))
            found = t->all[i];
    if (found != NULL) {
        found->refs++;
        found->used = ++w->clock;
    }
    (void)pthread_mutex_unlock(&w->lock);
    return found;
}

struct warm_platform *warm_find(struct warm *w, struct ds_arena *mem, struct ds_dcap_quote *quote,
                                const struct warm_ground *ground)
{
    struct chain_id id;
    struct warm_platform *found = find(w, quote, NULL, ground);
    if (found == NULL && identify(&id, *mem, quote))
        found = find(w, quote, &id, ground);
    if (found != NULL)
        quote->cert_data = found->chain;
    return found;
}

/*
 * In the place of what was known of it, or of a set that is no more; else of the oldest. By its own
 * certificate, since nobody vouches for the root's form: a machine has one place.
 */
static size_t find_place(const struct table *t, const struct warm_platform *p)
{
    size_t oldest = 0;
    for (size_t i = 0; i < t->n; i++) {
        const struct warm_platform *x = t->all[i];
        if (x->tee == p->tee && memcmp(x->set32, p->set32, 32) == 0 &&
            memcmp(x->leaf32, p->leaf32, 32) == 0)
            return i;
        if (x->used < t->all[oldest]->used)
            oldest = i;
    }
    return t->n < WARM_MAX ? t->n : oldest;
}

static void keep(struct warm *w, struct table *t, struct warm_platform *p)
{
    (void)pthread_mutex_lock(&w->lock);
    size_t at = find_place(t, p);
    if (at < t->n)
        drop(t->all[at]);
    else
        t->n++;
    t->all[at] = p;
    p->refs = 2; /* the table's, and the caller's */
    p->used = ++w->clock;
    (void)pthread_mutex_unlock(&w->lock);
}

static int copy(struct ds_span *io, struct ds_arena *mem, struct ds_error *e)
{
    uint8_t *p = ds_arena_get(mem, io->len);
    if (p == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "keep a platform");
    if (io->len > 0)
        memcpy(p, io->p, io->len);
    io->p = p;
    return DS_OK;
}

/* Pages behind what is used were only touched while documents were read. */
static void give_back(struct warm_platform *p, size_t used)
{
    size_t len = (used + PAGE - 1) / PAGE * PAGE;
    if (len < p->room_len && munmap(p->room + len, p->room_len - len) == 0)
        p->room_len = len;
}

/*
 * The two documents and the chain are kept, which later quotes are judged by; of issuers, lists and
 * signatures only what they came to.
 */
static int fill(struct warm_platform *p, struct ds_arena *scratch, struct ds_dcap_quote quote,
                const struct warm_ground *ground, struct ds_error *e)
{
    struct ds_dcap_parts parts = ground->parts;
    size_t len = ROOM + parts.tcb_info.len + parts.qe_identity.len + quote.cert_data.len;
    len = (len + PAGE - 1) / PAGE * PAGE;
    void *room = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED)
        return ds_fail(e, DS_ERR_NOMEM, "keep a platform");
    p->room = room;
    p->room_len = len;
    struct ds_arena mem = ds_arena_of(p->room, len);
    p->platform = ds_dcap_platform_new_in(&mem);
    if (p->platform == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "keep a platform");
    DS_TRY(copy(&parts.tcb_info, &mem, e));
    DS_TRY(copy(&parts.qe_identity, &mem, e));
    DS_TRY(copy(&quote.cert_data, &mem, e));
    p->chain = quote.cert_data;
    DS_TRY(ds_dcap_collateral_of(&p->coll, &mem, &parts, e));
    DS_TRY(ds_dcap_platform_verify(p->platform, scratch, &quote, &p->coll, ground->anchors,
                                   ground->now_s, e));
    p->coll.parts = (struct ds_dcap_parts){ .tcb_info = parts.tcb_info,
                                            .qe_identity = parts.qe_identity };
    give_back(p, mem.used);
    return DS_OK;
}

static struct warm_platform *platform_new(const struct warm_ground *ground,
                                          const struct chain_id *id)
{
    struct warm_platform *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->tee = ground->tee;
    p->whose = ground->whose;
    p->by = ground->by;
    p->generation = ground->generation;
    p->trust = trust_of(ground->anchors);
    memcpy(p->set32, ground->set32, 32);
    memcpy(p->chain32, id->chain32, 32);
    memcpy(p->leaf32, id->leaf32, 32);
    return p;
}

int warm_make(struct warm_platform **ret, struct warm *w, struct ds_arena *mem,
              const struct ds_dcap_quote *quote, const struct warm_ground *ground,
              struct ds_error *e)
{
    struct chain_id id;
    if (!identify(&id, *mem, quote))
        return ds_fail(e, DS_ERR_CRYPTO, "name a platform");
    DS_AUTO(platform_free_auto) struct warm_platform *p = platform_new(ground, &id);
    if (p == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "keep a platform");
    DS_TRY(fill(p, mem, *quote, ground, e));
    keep(w, table_of(w, ground), p);
    *ret = DS_TAKE_PTR(p);
    return DS_OK;
}

void warm_unref(struct warm *w, struct warm_platform *p)
{
    if (p == NULL)
        return;
    (void)pthread_mutex_lock(&w->lock);
    drop(p);
    (void)pthread_mutex_unlock(&w->lock);
}

const struct ds_dcap_platform *warm_platform_get(const struct warm_platform *p)
{
    return p->platform;
}

size_t warm_platform_len(const struct warm_platform *p) { return p->room_len; }
enum verifier_by warm_platform_by(const struct warm_platform *p) { return p->by; }

struct ds_dcap_qe warm_qe_get(struct warm *w, const struct warm_platform *p)
{
    (void)pthread_mutex_lock(&w->lock);
    struct ds_dcap_qe qe = p->qe;
    (void)pthread_mutex_unlock(&w->lock);
    return qe;
}

void warm_qe_put(struct warm *w, struct warm_platform *p, const struct ds_dcap_qe *qe)
{
    (void)pthread_mutex_lock(&w->lock);
    p->qe = *qe;
    (void)pthread_mutex_unlock(&w->lock);
}

/* Which certificates, for which key, with or without the list: all that the outcome hangs on. */
static int chip_id(uint8_t ret32[32], const struct ds_snp_certs *certs, enum ds_snp_key key,
                   uint32_t flags, struct ds_error *e)
{
    uint32_t head[2 + DS_SNP_N_SLOTS] = { (uint32_t)key, flags };
    struct ds_span parts[1 + DS_SNP_N_SLOTS] = { DS_SPAN_OF(head) };
    for (size_t i = 0; i < DS_SNP_N_SLOTS; i++) {
        head[2 + i] = (uint32_t)certs->der[i].len;
        parts[1 + i] = certs->der[i];
    }
    return ds_hash_v(DS_SHA256, ret32, parts, DS_LEN(parts), e);
}

static bool chip_find(struct ds_snp_platform *ret, struct warm *w, const uint8_t id32[32],
                      const struct ds_anchors *anchors, int64_t now_s)
{
    bool found = false;
    (void)pthread_mutex_lock(&w->lock);
    for (size_t i = 0; !found && i < WARM_MAX; i++) {
        struct chip *x = &w->chips[i];
        found = x->used != 0 && memcmp(x->id32, id32, 32) == 0 && trust_is(&x->trust, anchors) &&
                x->platform.valid_from_s <= now_s && now_s <= x->platform.valid_until_s;
        if (found) {
            *ret = x->platform;
            x->used = ++w->clock;
        }
    }
    (void)pthread_mutex_unlock(&w->lock);
    return found;
}

static void chip_keep(struct warm *w, const uint8_t id32[32], const struct ds_anchors *anchors,
                      const struct ds_snp_platform *p)
{
    (void)pthread_mutex_lock(&w->lock);
    struct chip *at = &w->chips[0];
    for (size_t i = 1; i < WARM_MAX && at->used != 0; i++)
        if (w->chips[i].used < at->used)
            at = &w->chips[i];
    at->platform = *p;
    at->trust = trust_of(anchors);
    at->used = ++w->clock;
    memcpy(at->id32, id32, 32);
    (void)pthread_mutex_unlock(&w->lock);
}

int warm_snp(struct ds_snp_platform *ret, struct warm *w, const struct warm_snp_ground *ground,
             struct ds_error *e)
{
    uint8_t id32[32];
    DS_TRY(chip_id(id32, ground->certs, ground->key, ground->flags, e));
    if (chip_find(ret, w, id32, ground->anchors, ground->now_s))
        return DS_OK;
    DS_TRY(ds_snp_platform_verify(ret, ground->certs, ground->key, ground->anchors, ground->now_s,
                                  ground->flags, e));
    chip_keep(w, id32, ground->anchors, ret);
    return DS_OK;
}
