/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An app on its way into a VM of this machine: made when there is none of its
 * name, changed when the one there is another version, left alone when it is
 * what was asked for. The KMS lets old and new version boot while a change goes
 * on; once the new one is verified, deploy_settle makes it the only one.
 */

#include "cli/compose.h"
#include "cli/record.h"

/* What is wanted; filled before deploy_vm. 0 in a size: the default, or what the VM has. */
struct deploy {
    struct cli *cli;
    char name[128], image[128];
    uint64_t vcpu, memory_mib, disk_gib;
    struct compose_port ports[COMPOSE_PORTS_MAX];
    size_t n_ports;
    const char *registries[COMPOSE_REGISTRIES_MAX]; /* "name:port=ip:port"; borrowed */
    size_t n_registries;                            /* 0: as the VM has them */
    struct ds_buf app_compose;                      /* owned */
    bool no_instance_id;                            /* as app-compose says */
    struct cli_record record;                       /* all but the ids, which deploy_vm finds */
    char id[64];                                    /* of the VM; filled by deploy_vm */
    bool is_up;                                     /* likewise: it ran as wanted, app and all */
};

void deploy_done(struct deploy *d);

/*
 * Bring about that a VM of this name runs what is wanted. It may still boot.
 *
 * err:  EXISTS  cli.other_app: the VM of this name is not the app that `up` made
 */
DS_MUST_USE int deploy_vm(struct deploy *d, struct ds_error *e);

/* It runs and was verified: record it, and let the KMS forget every other version. */
DS_MUST_USE int deploy_settle(struct deploy *d, struct ds_error *e);
