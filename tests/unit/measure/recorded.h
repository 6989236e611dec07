/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One recorded boot of a dstack guest on TDX hardware: 2 vCPUs, 2 GiB, QEMU 8.2.
 * From dstack's verifier fixture tdx-lite-getquote.json (CC0-1.0): the quote's
 * registers, the measurement document of its vm_config, its event log.
 */

#define RECORDED_MEMORY_BYTES 2147483648ULL
#define RECORDED_QEMU_MAJOR   8

/* clang-format off */
static const char recorded_document[] =
    "a36776657273696f6e0365696d616765a36e636d646c696e655f7368613338345830786280842b73"
    "64287a3a70d96f7e309252857beb45fb1f91314a2ea863db0adc04c8431ecbf29a966405604631a5"
    "aab8736b65726e656c5f61757468656e7469636f64655830ac7e632dcf5cd2a1fe5c1f41f4d9b821"
    "9570e64ed3c61038fdbf25404e6f542ffd57f276bc5076307efaf882e6d641776d696e697472645f"
    "73686133383458304fe4f7710134a61d7def357add6ac50bdbfeee5032a4c100375e207216ffe42a"
    "3bd5822b24e679f91501fff795b815216474647666a3646f766d6669707265323032353035646d72"
    "7464a26b73696e676c655f706173735830a6f2ac9451810686a4db259fe8fa5438dc4a58bda9fd2f"
    "5b1fb0928335705500d29a15c92387416a2f52dddce99c83f86874776f5f706173735830fd685522"
    "ce791dfef67414614eb07d03fc07a32c5a66f36288b329dab92b724b1564c73d436ffb9ea84488c5"
    "1ac5a1c56674645f686f624c80100904000609020b021010";

static const char recorded_mrtd[] =
    "fd685522ce791dfef67414614eb07d03fc07a32c5a66f36288b329dab92b724b1564c73d436ffb9e"
    "a84488c51ac5a1c5";

static const char *const recorded_rtmr[] = {
    "f8438db36b96f85d8752ff7f24a89ec05c79ec9eda2ba732c897fb970ca429365b7471b1c054cb84"
    "f17b1c2b23ba6640",
    "2023546e7f3b9d1228e274f70c44d481162540f8452544520a796a52f06879709b81a824a26792a7"
    "822327504b0d2aee",
    "4c1b739ed451a637b0f82642e48a5ea83925d23633c72e7385c8e9aca4175e133ed1625b7d92eb39"
    "edf509c27ff392dc",
};

static const struct {
    uint32_t imr, type;
    const char *name, *digest;
} recorded_events[] = {
    { 0, 0x8000000b, "td-hob",
      "0b8772e5b0b41b83e6044a68397e02f49fb47066b4fbe4917ea2c45c64f323fdacbb37948f821ebaf8bc9c938ba8a749" },
    { 0, 0x8000000a, "cfv",
      "344bc51c980ba621aaa00da3ed7436f7d6e549197dfe699515dfa2c6583d95e6412af21c097d473155875ffd561d6790" },
    { 0, 0x80000001, "secure-boot",
      "9dc3a1f80bcec915391dcda5ffbb15e7419f77eab462bbf72b42166fb70d50325e37b36f93537a863769bcf9bedae6fb" },
    { 0, 0x80000001, "pk",
      "6f2e3cbc14f9def86980f5f66fd85e99d63e69a73014ed8a5633ce56eca5b64b692108c56110e22acadcef58c3250f1b" },
    { 0, 0x80000001, "kek",
      "d607c0efb41c0d757d69bca0615c3a9ac0b1db06c557d992e906c6b7dee40e0e031640c7bfd7bcd35844ef9edeadc6f9" },
    { 0, 0x80000001, "db",
      "08a74f8963b337acb6c93682f934496373679dd26af1089cb4eaf0c30cf260a12e814856385ab8843e56a9acea19e127" },
    { 0, 0x80000001, "dbx",
      "18cc6e01f0c6ea99aa23f8a280423e94ad81d96d0aeb5180504fc0f7a40cb3619dd39bd6a95ec1680a86ed6ab0f9828d" },
    { 0, 0x4, "separator-0",
      "394341b7182cd227c5c6b07ef8000cdfd86136c4292b8e576573ad7ed9ae41019f5818b4b971c9effc60e1ad9f1289f0" },
    { 0, 0xa, "acpi-loader",
      "095d04cf26fe03aef6e3561fa24c1aa1cea93f4aeaf563b1f9f7616184c53454875925759434769cec2490acb563a337" },
    { 0, 0xa, "acpi-rsdp",
      "8d9a4d4777a1bc77ecd9d8d37a4628129a80052a510320159a20a923bd07a0e90d8d1f2e1ebf088992b25f0d0fa672ef" },
    { 0, 0xa, "acpi-tables",
      "3070721e169bc41884724cb0e6b3082e1baf249083d8b389181ba50b9afa951057876c380b8870e8c2facf2eff67a2b6" },
    { 1, 0x80000003, "kernel",
      "ac7e632dcf5cd2a1fe5c1f41f4d9b8219570e64ed3c61038fdbf25404e6f542ffd57f276bc5076307efaf882e6d64177" },
    { 0, 0x80000002, "boot-order",
      "1dd6f7b457ad880d840d41c961283bab688e94e4b59359ea45686581e90feccea3c624b1226113f824f315eb60ae0a7c" },
    { 0, 0x80000002, "boot-0000",
      "23ada07f5261f12f34a0bd8e46760962d6b4d576a416f1fea1c64bc656b1d28eacf7047ae6e967c58fd2a98bfa74c298" },
    { 1, 0x80000007, "calling-application",
      "77a0dab2312b4e1e57a84d865a21e5b2ee8d677a21012ada819d0a98988078d3d740f6346bfe0abaa938ca20439a8d71" },
    { 1, 0x4, "separator-1",
      "394341b7182cd227c5c6b07ef8000cdfd86136c4292b8e576573ad7ed9ae41019f5818b4b971c9effc60e1ad9f1289f0" },
    { 2, 0x6, "cmdline",
      "786280842b7364287a3a70d96f7e309252857beb45fb1f91314a2ea863db0adc04c8431ecbf29a966405604631a5aab8" },
    { 2, 0x6, "initrd",
      "4fe4f7710134a61d7def357add6ac50bdbfeee5032a4c100375e207216ffe42a3bd5822b24e679f91501fff795b81521" },
    { 1, 0x80000007, "exit-boot-services",
      "214b0bef1379756011344877743fdc2a5382bac6e70362d624ccf3f654407c1b4badf7d8f9295dd3dabdef65b27677e0" },
    { 1, 0x80000007, "exit-boot-services-done",
      "0a2e01c85deae718a530ad8c6d20a84009babe6c8989269e950d8cf440c6e997695e64d455c4174a652cd080f6230b74" },
};
/* clang-format on */

/*
 * Another boot on TDX hardware, of which only log and registers are public: 16
 * vCPUs, 64 GiB, QEMU 9.2 (dstack's verifier fixture quote-report.json, CC0-1.0).
 * What is not derived from elsewhere is taken from its log.
 */
#define LARGE_MEMORY_BYTES 68719476736ULL
#define LARGE_QEMU_MAJOR   9

/* clang-format off */
static const struct {
    const char *loader, *rsdp, *tables, *kernel, *cmdline, *initrd, *td_hob, *rtmr[3];
} large = {
    .loader =
      "2065dd48d647e4377db277ba203526901a17845e93e0df4c2dfc3ce136e0910324ead1e1c86b8d90c2acdf9c85ffac53",
    .rsdp =
      "772b0169c66b52e4453fff9e3c6257635ea950ebcc8edd7ef2e2f8241cf6a155f39df01a7c7a194b6bc0abe5de11861d",
    .tables =
      "abfb2256644b5786eefdcb92303d2008c36cb9500d98997e215ef5080745d4bf2e5b3629090918e193e7f05b173d48c5",
    .kernel =
      "0761fbfa317a42d8edbe9e404178d102adc059cface98c5e07d1d535371c145c3497fd2a19b8398568b8c8a6f95e0a86",
    .cmdline =
      "4027cb4ec64dbc24b6d98d9470daeefc749bbb6a9b011762d215f6ed3eb833d58fd72d9ad850958f72878182e6f61924",
    .initrd =
      "63e06e29cf98f2fce71abd3a9629dff48457b47c010b64e11f7a2b42dd99bfa14ee35660b3f5d3fc376261d6ba9a6d6b",
    .td_hob =
      "8ae1e425351df7992c444586eff99d35af3b779aa2b0e981cb4b73bc5b279f2ade19b6a62a203fc3c3bbdaae80af596d",
    .rtmr = {
      "2e3843265f8ecdd4e2282694747f6f2f111605c33f2a8882f5734ee6f3a6ce63d8f34aeef06093dcda76fa5f9d33d8d6",
      "a1b79d76021970f57c45c4a7c395f780bab37011a4df27fe44e8559bd1abb4d6e52f12f866d1d08405448eb797a5970f",
      "1e31b59d605df7ee8160cf7966be9bafa6d0e1905de7e09695a24cd9748e71a603a51fae1297619fa0c30517addbcd07",
    },
};
/* clang-format on */
