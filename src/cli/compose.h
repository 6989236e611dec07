/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From a docker-compose.yaml to app-compose.json. Docker Compose itself reads
 * the YAML; its JSON is what the guest runs and what is measured. Keys under
 * `x-dstack` become keys of app-compose.
 */

#include <yyjson.h>

#include "base/buf.h"
#include "disk/verity.h"

#define COMPOSE_IMAGES_MAX 7
#define COMPOSE_PORTS_MAX  32

#define COMPOSE_REGISTRIES_MAX 2
#define COMPOSE_CA_MAX         ((size_t)16384) /* bytes of PEM */

struct compose_port {
    uint16_t published, target_in_vm; /* the host's port; the port that the guest publishes */
    bool udp;
};

/* An image handed over as an OCI layout. */
struct compose_image {
    char name[256];
    char layout[512]; /* absolute path */
    char source[80];  /* name of the volume file; set once the volume is made */
    struct disk_verity verity;
};

/* A registry that the app trusts under a CA of its own. */
struct compose_registry {
    char host[128];
    struct ds_buf ca_pem;
};

struct compose {
    yyjson_mut_doc *doc; /* compose's JSON without x-dstack */
    yyjson_doc *config;  /* what compose printed; x-dstack points into it */
    yyjson_val *x;       /* the x-dstack map, or NULL */
    struct compose_image images[COMPOSE_IMAGES_MAX];
    size_t n_images;
    struct compose_registry registries[COMPOSE_REGISTRIES_MAX];
    size_t n_registries;
    struct compose_port ports[COMPOSE_PORTS_MAX];
    size_t n_ports;
};

void compose_done(struct compose *c);

/* There is a file, and it is one that may be read whole. err: NOTFOUND, ARG, RANGE */
DS_MUST_USE int compose_file_check(const char *path, struct ds_error *e);

/* What Compose itself said, from the error of its run; cut behind a whole word. */
void compose_own_words(char *ret, size_t ret_len, const char *message);

/*
 * Read a compose file through Docker Compose.
 *
 * err:  FORMAT  cli.compose_invalid: Compose refuses it (its own words), or an x-dstack key that
 *               nobody knows
 *       NOTFOUND  no file, or no Docker Compose on this machine
 */
DS_MUST_USE int compose_load(struct compose *ret, const char *path, struct ds_error *e);

/* The program that reads compose files; NULL: it is not on this machine. */
const char *compose_program_find(void);

/* Its VMs have no instance id: x-dstack says so. */
bool compose_has_no_instance_id(const struct compose *c);

/*
 * Refuse what is known to go wrong in the VM (cli/preflight.h), before anything is made or started.
 *
 * in:   path  the compose file; a file .env beside it is read
 * err:  DENIED  cli.compose_build, cli.compose_image, cli.compose_host_file, cli.compose_variable
 */
DS_MUST_USE int compose_check(const struct compose *c, const char *path, struct ds_error *e);

/*
 * The app-compose.json of an app, *appended*; volumes must have been made.
 *
 * in:   key_provider_id  hex SPKI of the KMS's CA; NULL: keys without a KMS
 */
DS_MUST_USE int compose_app_json(struct ds_buf *ret, const struct compose *c, const char *name,
                                 const char *key_provider_id, struct ds_error *e);
