/* SPDX-License-Identifier: MIT */
/*
 * The XenMon region: what xenbaked publishes and anyone may read.
 *
 * One file, by default /run/xenmon/region, mapped read-only by its readers. This header is the
 * contract: a reader in any language needs only this text or docs/region.md. It
 * compiles as C11 and as C++20.
 *
 * Words
 *   region      the file and its mapping
 *   sample      what happened between two edges on the trace's own clock, by default 100 ms
 *   row         one (vCPU, pCPU) pair's share of a sample; only pairs with something in them exist
 *   domain row  what one domain as a whole did in a sample (since 1.4)
 *   wait        one vCPU's wait for a pCPU, from when it was ready until it ran; only long ones are kept
 *   slot        an index into one of the tables; reused only after the history has passed
 *   ring        a table that is written round and round
 *
 * The file
 *
 *   0        xenmon_region_header                                      one page
 *   pcpu     xenmon_pcpu        [pcpu.capacity]       by pCPU id       \
 *   domain   xenmon_domain      [domain.capacity]     by domain slot    |  guarded by tables_seq
 *   vcpu     xenmon_vcpu        [vcpu.capacity]       by vCPU slot     /
 *   hist     xenmon_histograms  [vcpu.capacity]       by vCPU slot        counters, read one by one
 *   sample   xenmon_sample      [sample.capacity]     ring             \
 *   row      xenmon_row         [row.capacity]        ring              |  guarded by each sample's seq
 *   io_row   xenmon_io_row      [io_row.capacity]     ring             |
 *   dom_row  xenmon_domain_row  [domain_row.capacity] ring             /
 *   wait     xenmon_wait        [wait.capacity]       ring                guarded by each wait's seq
 *   verdict  xenmon_verdict     [verdict.capacity]                        guarded by tables_seq
 *   carry    xenmon_carry       [carry.capacity]                          guarded by tables_seq
 *   setting  xenmon_setting     [setting.capacity]                        guarded by tables_seq
 *
 * Every table is found by its xenmon_table in the header: offset, stride, capacity, count. Step by
 * the stride and never by sizeof: a later minor version may append fields to a record.
 *
 * Rules
 *   - Fixed-width little-endian fields, naturally aligned, every record a multiple of 8 bytes.
 *   - Times are nanoseconds of the trace clock: 0 is the first record that the daemon saw.
 *     wall_epoch_ns turns them into the time of day.
 *   - version_major changes when an old reader would go wrong, and such a reader must refuse.
 *     version_minor changes when fields or flags are added. Nothing is ever reused or renumbered.
 *     Last version bump: 1.4, for what domains do as a whole, for migrations, for avoidable waiting,
 *     and for settings of schedulers, domains and pCPUs.
 *   - The layout of one file never changes. When a table becomes too small the daemon makes a new
 *     file, renames it into place and sets XENMON_STATE_SUPERSEDED here; a reader opens the path again.
 *   - Readers never write; the daemon never waits for readers.
 *
 * The life of one file (header.state). Only the daemon changes it; a reader acts on what it sees:
 *
 *     STARTING ----- first sample ----> RUNNING ----- end of the trace ----> ENDED
 *         |                                                                    ^
 *         +-------------------- a trace without a sample ----------------------+
 *
 *     any of them ----- another file of this daemon is in place at the path ----> SUPERSEDED
 *
 *   In SUPERSEDED nothing changes any more: a reader opens the path again.
 *   The other file is a larger one, which has what this one has and the sample that needed the room, or, if a
 *   recording is played from its beginning again, an empty one. A file whose daemon has ended stays. If the
 *   daemon was killed its state still says RUNNING, and the heartbeat is old.
 *
 * What changes, and in which order it may be seen. The daemon's one thread is the only writer of all of it.
 * "Relaxed" means one aligned word, loaded and stored whole and without order.
 *
 *   field                       stored            a reader loads it
 *   --------------------------  ----------------  ------------------------------------------------------------
 *   state                       release           relaxed; acquire if what came before it matters
 *   flags                       relaxed, release  relaxed. HELD is set after the sample that it is about
 *                               for HELD
 *   heartbeat_ns                relaxed           relaxed
 *   newest_sample, newest_wait  release           acquire: then the samples and waits up to it are there
 *   tables_seq                  see below         see below
 *   counters, bad_records_by,   relaxed           relaxed, each by itself: they need not be of one moment
 *     source_faults
 *   wall_epoch_ns               relaxed           relaxed
 *   <table>.count               relaxed,          under tables_seq. It shares its word with nothing that changes
 *                               in tables_seq
 *   pcpu, domain, vcpu,         relaxed words,    under tables_seq
 *     verdict, carry, setting   in tables_seq
 *   sample.seq, wait.seq        0 relaxed, the    acquire; see below
 *                               number release
 *   the rest of a sample, its   relaxed words,    between two looks at seq
 *     rows; of a wait           between the two
 *   hist                        relaxed words     relaxed, count by count
 *
 *   All else never changes while the file lives.
 *
 * Writing a table:
 *
 *   store-relaxed tables_seq = odd; fence-release
 *   store the words; the counts last
 *   store-release tables_seq = even
 *
 * Writing sample number N:
 *
 *   for every sample whose entry or rows of any kind are about to be written over: store-relaxed its seq = 0
 *   fence-release
 *   store the rows of all kinds, then all of entry N % sample.capacity, with seq still 0
 *   store-release seq = N; store-release header.newest_sample = N
 *
 *   A wait is written in the same way, before its sample, and before that the tables, so that a reader that sees a
 *   sample finds the slots that its rows name. Then the counters follow. A file in the making is filled in any
 *   order; rename() publishes it. Only then the old file's state becomes SUPERSEDED.
 *
 * Reading a table (pcpu, domain, vcpu, verdict, carry, setting). A bounded number of times; how often is up to the reader:
 *
 *   s1 = load-acquire(header.tables_seq);      if s1 is odd, try again
 *   copy what is wanted
 *   fence-acquire; s2 = load-relaxed(header.tables_seq);    if s1 != s2, try again
 *
 * Reading sample number N (the newest is header.newest_sample; 0 means none yet):
 *
 *   e  = sample entry N % sample.capacity
 *   s1 = load-acquire(e.seq);                  if s1 != N, it is not there any more
 *   copy e; copy e.row_count rows from ring position e.first_row on, likewise the I/O rows and domain rows;
 *   position p lies in element p % capacity. A count above the table's capacity is damage.
 *   fence-acquire; s2 = load-relaxed(e.seq);   if s1 != s2, the copy is void
 *
 * Reading wait number N (the newest is header.newest_wait; 0 means none yet): as a sample, from entry
 * N % wait.capacity, but without rows. Waits are in the order in which they ended. Those that ended within a
 * sample are there when the sample is. If a number at or below newest_wait is not there, the wait was
 * overwritten, or there was no room for it: it can be counted but not shown.
 *
 * Before the daemon writes over any row it sets the seq of every sample that owns such rows to 0, so a
 * copy that was overtaken is always noticed. When a vCPU slot gets a new owner its histograms start from
 * zero: compare counts only while the domain's uid and the vcpu_id stay the same.
 *
 * Reading counts of a histogram that are not to wrap: copy carry, load the counts, copy carry again. If the two
 * copies differ, a count has passed 2^32 meanwhile: try again. It happens once in 2^32 entries of a bucket.
 *
 * Is the daemon there? heartbeat_ns is CLOCK_BOOTTIME and is renewed at least every
 * heartbeat_period_ns. When it is older than three periods, or state is XENMON_STATE_ENDED, what is
 * here is history: say so, and open the path again now and then, because a new daemon renames a new
 * file there. generation differs between any two files.
 *
 * Why the numbers are what they are
 *   - 10 s of history: the long window of the screen, which begins with what the region remembers. The ring has
 *     a second more, so that the oldest sample that a reader needs is not just being written over.
 *   - A sample is at most 4 s long, so that its times in ns fit into 32 bits.
 *   - The daemon has every table begin at a multiple of 64, so that lines of counts are cache lines; readers must not
 *     rely on that.
 *   - 464 buckets: 16 of 16 ns up to 256 ns, then 16 for each of the 28 powers of two up to 2^36 ns, 68.7 s. From
 *     256 ns on a bucket is at most 1/16 as wide as its lower end, which is the error that percentiles may have.
 *   - 16 buckets to a line: 64 bytes of counts, which are written and read only where they are used.
 *   - 4,096 waits: half a MiB, sixteen thousand a second for a reader that looks four times a second. (A recording
 *     that is played as fast as possible has a ring of sixteen times as many.)
 *   - 64 MiB: beyond this the row ring does not grow for the history's sake, and a flag says so.
 *   - Three heartbeat periods: a daemon that is late once or twice is not called gone.
 */
#ifndef XENMON_REGION_H
#define XENMON_REGION_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define XENMON_STATIC_ASSERT(condition, text) static_assert(condition, text)
#else
#define XENMON_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

#define XENMON_DEFAULT_REGION "/run/xenmon/region"

/* "XENMONRG" read as a little-endian number. */
#define XENMON_MAGIC UINT64_C(0x47524e4f4d4e4558)
#define XENMON_VERSION_MAJOR 1u
#define XENMON_VERSION_MINOR 4u

/* Xen's DOMID_IDLE (public/xen.h): the domain of the idle vCPUs, one per pCPU, same number. */
#define XENMON_DOMID_IDLE 32767u
#define XENMON_NO_SLOT UINT32_C(0xffffffff)
#define XENMON_NO_PCPU UINT32_C(0xffffffff)

#define XENMON_NAME_BYTES 64 /* a domain's name, UTF-8, NUL-terminated, cut if longer */
#define XENMON_TEXT_BYTES 64

/* header.state */
#define XENMON_STATE_STARTING 0u   /* no sample yet */
#define XENMON_STATE_RUNNING 1u    /* samples arrive */
#define XENMON_STATE_ENDED 2u      /* the daemon exited normally, or a recording is over */
#define XENMON_STATE_SUPERSEDED 3u /* a newer file took this one's place */

/* header.source_kind */
#define XENMON_SOURCE_LIVE 1u      /* this host's hypervisor */
#define XENMON_SOURCE_RECORDING 2u /* a file; source_text is its name */
#define XENMON_SOURCE_SCRIPTED 3u  /* a test */

/* The header's length in version 1.0. Later fields are there only if header_bytes says so, and
 * only then does the daemon record waits. */
#define XENMON_HEADER_BYTES_1_0 576u
/* The same in version 1.1: no verdicts, no causes of bad records, no faults of the source. */
#define XENMON_HEADER_BYTES_1_1 616u
/* The same in version 1.2: no carries. */
#define XENMON_HEADER_BYTES_1_2 736u
/* The same in version 1.3: nothing of what domains do as a whole, and no settings. */
#define XENMON_HEADER_BYTES_1_3 760u

/* header.flags */
#define XENMON_FLAG_KHZ_ASSUMED 1u       /* the TSC's frequency is not known; cpu_khz is a guess */
#define XENMON_FLAG_PATCHED_XEN 2u       /* the hypervisor has XenMon's trace points */
#define XENMON_FLAG_NO_ALLOCATION 4u     /* the trace mask does not include the time slices */
#define XENMON_FLAG_HISTORY_SHORTENED 8u /* the row ring holds less than history_ns; see oldest sample */
#define XENMON_FLAG_HELD 16u /* a recording is held at the newest sample's end (since 1.1) */
#define XENMON_FLAG_KHZ_MEASURED 32u /* cpu_khz was not given, but measured from the records (since 1.2) */
#define XENMON_FLAG_ALL_PCPUS 64u /* the table of pCPUs has all there are from the first sample on (since 1.2) */
#define XENMON_FLAG_NO_CONNECTION 128u /* a mirror's other host cannot be reached at present (since 1.3) */

/* header.io_kinds: which kinds of page exchange this hypervisor reports, and so what io_total counts */
#define XENMON_IO_MAP 1u
#define XENMON_IO_UNMAP 2u
#define XENMON_IO_TRANSFER 4u
#define XENMON_IO_COPY 8u

/* vCPU states. The first four are Xen's RUNSTATE_* (public/vcpu.h); unknown is XenMon's: time in
 * which no record gave the state, because records were lost or had not started. */
#define XENMON_VCPU_RUNNING 0u
#define XENMON_VCPU_RUNNABLE 1u
#define XENMON_VCPU_BLOCKED 2u
#define XENMON_VCPU_OFFLINE 3u
#define XENMON_VCPU_UNKNOWN 4u

/* domain.flags */
#define XENMON_DOMAIN_IN_USE 1u
#define XENMON_DOMAIN_DEAD 2u /* destroyed; kept until the history has passed */
#define XENMON_DOMAIN_BORN 4u /* its creation was seen; born_ns is when */

/* A domain record's length up to 1.3: nothing of what it does as a whole. */
#define XENMON_DOMAIN_BYTES_1_0 136u
/* A sample's length up to 1.3: no domain rows. */
#define XENMON_SAMPLE_BYTES_1_0 64u

/* vcpu.flags */
#define XENMON_VCPU_IN_USE 1u

/* A vcpu record's length in 1.0. */
#define XENMON_VCPU_BYTES_1_0 152u
/* The same in 1.1 and 1.2: no sums of waits and executions. */
#define XENMON_VCPU_BYTES_1_1 168u
/* The same in 1.3: neither migrations nor avoidable waiting. */
#define XENMON_VCPU_BYTES_1_3 192u
/* A row's length up to 1.3: the same. */
#define XENMON_ROW_BYTES_1_0 64u

/* wait.kind: what it was before it was ready */
#define XENMON_WAIT_WOKEN 1u     /* blocked or offline */
#define XENMON_WAIT_PREEMPTED 2u /* running */

/* wait.flags: why its runners do not add up to all of the time */
#define XENMON_WAIT_FORGOTTEN 1u /* more vCPUs ran than the daemon remembers: only the newest are recorded */
#define XENMON_WAIT_UNKNOWN 2u   /* for some time no record says which vCPU ran (lost, or not started) */

/* pcpu.seen */
#define XENMON_PCPU_HAS_RECORDS 1u /* it has produced records */
#define XENMON_PCPU_NO_RECORDS 2u  /* it exists and has produced none (since 1.2) */

/* header.bad_records_by: why a record was malformed (since 1.2). Their sum is counters.bad_records. */
#define XENMON_BAD_FRAMING 0u /* a recording's own framing is damaged */
#define XENMON_BAD_LENGTH 1u  /* a record is longer than the data read from its pCPU */
#define XENMON_BAD_TSC 2u     /* its time stamp is impossible */
#define XENMON_BAD_WORDS 3u   /* it has fewer words than its kind needs */
#define XENMON_BAD_CONTENT 4u /* it names an impossible domain, vCPU or kind */
#define XENMON_BAD_RING 5u    /* a trace buffer's positions were impossible; what it held is lost */
#define XENMON_BAD_INPUT 6u   /* a recording is cut off, or its compression is damaged */
#define XENMON_BAD_CAUSES 8u

/* header.source_faults: problems of a live source (since 1.2) */
#define XENMON_FAULT_RING 0u  /* trace buffers with impossible positions */
#define XENMON_FAULT_EVENT 1u /* events that were not its own */
#define XENMON_FAULT_MASK 2u  /* times that another program changed the trace mask */
#define XENMON_FAULTS 4u

/* verdict.kind: what is wrong with the trace as a whole (since 1.2) */
#define XENMON_VERDICT_NOT_TRACED 1u  /* pCPUs whose records are not here */
#define XENMON_VERDICT_CLOCK_SKEW 2u  /* a pCPU's clock differs from another's */
#define XENMON_VERDICT_FREQUENCY 3u   /* the TSC frequency given is not the one that the records show */
#define XENMON_VERDICT_NO_RECORDS 4u  /* kinds of records that are needed are missing */
#define XENMON_VERDICT_DAMAGED 5u     /* a recording is cut off or damaged */
#define XENMON_VERDICT_CLOCK_RESTART 6u /* the TSC restarts: there is a gap in the trace */
#define XENMON_VERDICT_NOT_RECORDED 7u  /* a time for which there are no records */
#define XENMON_VERDICT_CONTRADICTS 8u   /* records contradict each other, and nothing was reported lost */
#define XENMON_VERDICT_TEXT_BYTES 120

/* setting.kind: what an administrator has set, or what the machine is (since 1.4). A reader passes over kinds that
 * it does not know. domid and index say of what; where the kind does not name them they are 0. */
#define XENMON_SETTING_DOMAIN_POOL 1u    /* domid: its cpupool */
#define XENMON_SETTING_DOMAIN_VCPUS 2u   /* domid: how many vCPUs it may have */
#define XENMON_SETTING_DOMAIN_WEIGHT 3u  /* domid: its weight under its pool's scheduler */
#define XENMON_SETTING_DOMAIN_CAP 4u     /* domid: its cap in percent of one pCPU; 0: none */
#define XENMON_SETTING_VCPU_HARD 5u      /* domid, index (vCPU), part: a mask of pCPUs on which it may run */
#define XENMON_SETTING_VCPU_SOFT 6u      /* the same: on which it runs preferably */
#define XENMON_SETTING_POOL_SCHEDULER 7u /* index (pool): XEN_SCHEDULER_* of Xen's public/domctl.h */
#define XENMON_SETTING_POOL_RATE_LIMIT 8u /* index (pool): in us; 0: none */
#define XENMON_SETTING_POOL_SLICE 9u     /* index (pool): its time slice in us */
#define XENMON_SETTING_POOL_PCPUS 10u    /* index (pool), part: a mask of its pCPUs */
#define XENMON_SETTING_PCPU_SOCKET 11u   /* index (pCPU) */
#define XENMON_SETTING_PCPU_CORE 12u     /* index (pCPU): siblings have the same core of the same socket */
#define XENMON_SETTING_PCPU_NODE 13u     /* index (pCPU): its NUMA node */
#define XENMON_SETTING_MASK_BITS 64u     /* part N of a mask is about pCPUs 64 N to 64 N + 63 */

/* how many vCPUs that ran meanwhile a wait names */
#define XENMON_WAIT_RUNNERS 3

typedef struct xenmon_table {
    uint64_t offset;   /* bytes from the start of the file */
    uint32_t stride;   /* bytes from one record to the next */
    uint32_t capacity; /* number of records that fit */
    uint32_t count;    /* pcpu, domain, vcpu: slots ever used; only grows. Rings: the capacity */
    uint32_t reserved;
} xenmon_table;

/* Counters only grow while the daemon lives, also across a superseded file. */
typedef struct xenmon_counters {
    uint64_t records;         /* trace records decoded, padding and file framing not included */
    uint64_t bytes;           /* trace bytes drained */
    uint64_t lost_records;    /* what Xen says it could not store */
    uint64_t bad_records;     /* malformed, or with an impossible TSC: skipped */
    uint64_t late_records;    /* arrived after their place in the order had passed */
    uint64_t state_conflicts; /* records whose old state was not the one known: that time is unknown */
    uint64_t conservation_violations; /* vCPU-samples whose states did not add up; always 0 */
    uint64_t samples;
    uint64_t wakeups;       /* times the daemon woke to drain */
    uint64_t daemon_cpu_ns; /* CPU time the daemon has used */
} xenmon_counters;

typedef struct xenmon_region_header {
    uint64_t magic;
    uint32_t version_major;
    uint32_t version_minor;
    uint32_t header_bytes;
    uint32_t daemon_pid;
    uint64_t region_bytes; /* the file's length; a shorter file is damaged */
    uint64_t generation;   /* of this file; never 0 */
    /* Same for all files of one daemon; never 0. A replay that starts again to go back counts as another
     * daemon, with the same daemon_pid. */
    uint64_t daemon_start;

    uint32_t source_kind;
    uint32_t io_kinds;
    uint32_t cpu_khz;
    uint32_t event_mask; /* the trace mask in force; 0 if unknown */
    uint64_t sample_ns;  /* nominal length of a sample */
    uint64_t history_ns; /* how far back the samples are meant to reach */
    uint64_t heartbeat_period_ns;
    /* CLOCK_REALTIME of trace time 0; 0 for a recording without it. Since 1.2 it follows the host's clock
     * in small steps while the trace is live, one word, read by itself. */
    uint64_t wall_epoch_ns;

    char source_text[XENMON_TEXT_BYTES]; /* a recording's file name; live: a mirror's host (since 1.3), or "" */
    char xen_version[XENMON_TEXT_BYTES]; /* "4.17.7", or "" */
    char scheduler[XENMON_TEXT_BYTES];   /* "credit2", or "" */

    xenmon_table pcpu;
    xenmon_table domain;
    xenmon_table vcpu;
    xenmon_table hist;
    xenmon_table sample;
    xenmon_table row;
    xenmon_table io_row;

    /* What follows changes while the region lives; each is one aligned word, read by itself. The table at the top
     * says in which order. */
    uint64_t state;
    uint64_t flags;
    uint64_t heartbeat_ns;
    uint64_t newest_sample; /* number of the newest complete sample, from 1; 0 before that */
    uint64_t tables_seq;    /* odd while the tables are being written */
    xenmon_counters counters;

    /* Since version 1.1. The first two never change; newest_wait does, one word, read by itself. */
    xenmon_table wait;
    uint64_t slow_wait_ns; /* waits of at least this length are recorded */
    uint64_t newest_wait;  /* number of the newest wait, from 1; 0 before that */

    /* Since version 1.2. The table never moves; the words change, each is read by itself. */
    xenmon_table verdict;
    uint64_t bad_records_by[XENMON_BAD_CAUSES];
    uint64_t source_faults[XENMON_FAULTS];

    /* Since version 1.3. Never changes. */
    xenmon_table carry;

    /* Since version 1.4. Never changes. */
    xenmon_table domain_row;
    /* Since version 1.4. The table never moves. */
    xenmon_table setting;
} xenmon_region_header;

typedef struct xenmon_pcpu {
    uint32_t seen; /* XENMON_PCPU_*; 0: there is no such pCPU */
    uint32_t running_vcpu; /* slot of the vCPU on it at the newest edge, or XENMON_NO_SLOT */
    uint64_t records;
    uint64_t lost_records;
} xenmon_pcpu;

typedef struct xenmon_domain {
    uint32_t flags; /* XENMON_DOMAIN_*; 0: a free slot */
    uint32_t domid;
    uint64_t uid; /* never used twice by one daemon: distinguishes domains that had the same domid */
    uint64_t born_ns;
    uint64_t died_ns; /* valid with XENMON_DOMAIN_DEAD */
    char name[XENMON_NAME_BYTES]; /* "" while unknown */
    uint64_t io_map;
    uint64_t io_unmap;
    uint64_t io_transfer;
    uint64_t io_copy;
    uint64_t io_copy_bytes;
    /* Since 1.4: what it does as a whole, by what its vCPUs do at the same time; blocked here means blocked or
     * offline. As of the newest sample's end; together they are its life up to then. That begins with its creation if
     * it was seen, otherwise with the trace, or with the end of the domain that had its number before. A vCPU counts
     * from the first record that names it. All 0 for the idle domain. */
    uint64_t full_run_ns;           /* all run */
    uint64_t partial_run_ns;        /* some run, the others are blocked */
    uint64_t full_contention_ns;    /* all are runnable and wait for a pCPU */
    uint64_t partial_contention_ns; /* some wait, the others are blocked */
    uint64_t concurrency_hazard_ns; /* some run while others wait */
    uint64_t blocked_ns;            /* all are blocked */
    uint64_t unknown_ns;            /* the state of at least one is unknown, whatever the others do */
} xenmon_domain;

/* Cumulative, as of the newest sample's end. Times in ns; the six states add up to end_ns - 0,
 * the whole of the trace so far: before its creation and after its end a vCPU is offline, and where
 * its state was not observed it is unknown. */
typedef struct xenmon_vcpu {
    uint32_t flags;
    uint32_t domain_slot;
    uint32_t vcpu_id;
    uint32_t state;     /* XENMON_VCPU_* at end_ns */
    uint32_t last_pcpu; /* where it ran last or was woken first; XENMON_NO_PCPU if neither is known */
    uint32_t reserved;
    uint64_t end_ns;
    uint64_t running_ns;
    uint64_t waited_wake_ns;    /* runnable after having been blocked or offline */
    uint64_t waited_preempt_ns; /* runnable after having been running */
    uint64_t blocked_ns;
    uint64_t offline_ns;
    uint64_t unknown_ns;
    uint64_t executions; /* times the scheduler gave it a pCPU; continues included */
    uint64_t continues;  /* of these, times it kept the pCPU that it had */
    uint64_t slice_count; /* time slices granted that had a limit */
    uint64_t slice_sum_ns;
    uint64_t slice_min_ns; /* 0 when slice_count is 0 */
    uint64_t slice_max_ns;
    uint64_t wake_wait_max_ns;
    uint64_t preempt_wait_max_ns;
    uint64_t run_max_ns;
    /* Since 1.1. Of each of the vCPU's histograms in their order: bit N is set once there is a count in
     * buckets 16 N to 16 N + 15. What is not set needs no reading. */
    uint32_t hist_lines[3];
    uint32_t reserved2;
    /* Since 1.3. Of what the histograms count. */
    uint64_t wake_wait_sum_ns;
    uint64_t preempt_wait_sum_ns;
    uint64_t run_sum_ns;
    /* Since 1.4. */
    uint64_t migrations; /* of the executions, those that began on another pCPU than where it had run before */
    /* Of the time waited, the part in which a pCPU of the same cpupool is known to have been idle; where the pools are
     * not known, all pCPUs count as one. At least so much: what is unknown does not count. 0 for idle vCPUs. */
    uint64_t avoidable_wait_ns;
} xenmon_vcpu;

/* Log-linear buckets: 16 equal ones up to 256 ns, then 16 to every power of two up to 2^36 ns
 * (68.7 s), beyond which everything is in the last. Relative width 1/16 to 1/32. */
#define XENMON_HIST_SUB_BITS 4u
#define XENMON_HIST_FIRST_BITS 8u
#define XENMON_HIST_LAST_BITS 36u
#define XENMON_HIST_BUCKETS 464u

/* Counts wrap at 2^32. For recent counts readers take differences modulo 2^32; for those since the start they
 * add what xenmon_carry says. */
#define XENMON_HIST_LINE_BUCKETS 16u

typedef struct xenmon_histograms {
    uint32_t wake_wait[XENMON_HIST_BUCKETS];    /* woken until running */
    uint32_t preempt_wait[XENMON_HIST_BUCKETS]; /* preempted until running */
    uint32_t run[XENMON_HIST_BUCKETS];          /* length of an execution */
} xenmon_histograms;

typedef struct xenmon_sample {
    uint64_t seq; /* this sample's number when it is whole, 0 while it is being written */
    uint64_t start_ns;
    uint64_t end_ns;
    uint64_t first_row; /* ring positions, ever growing */
    uint64_t first_io_row;
    uint32_t row_count;
    uint32_t io_row_count;
    uint64_t lost_records; /* reported within this sample */
    uint64_t records;
    /* Since 1.4. */
    uint64_t first_domain_row;
    uint32_t domain_row_count;
    uint32_t reserved;
} xenmon_sample;

/* Times in ns within the sample (a sample is shorter than 4 s, so 32 bits hold them). For one vCPU
 * the six times, added over its rows, equal the sample's length. */
typedef struct xenmon_row {
    uint32_t vcpu_slot;
    uint32_t pcpu; /* running: where it ran; otherwise where it ran last. XENMON_NO_PCPU if unknown */
    uint32_t running_ns;
    uint32_t waited_wake_ns;
    uint32_t waited_preempt_ns;
    uint32_t blocked_ns;
    uint32_t offline_ns;
    uint32_t unknown_ns;
    uint32_t executions;
    uint32_t continues;
    uint32_t slice_count;
    uint32_t slice_min_ns;
    uint64_t slice_sum_ns;
    uint32_t slice_max_ns;
    uint32_t domain_slot;
    /* Since 1.4. */
    uint32_t migrations; /* to this pCPU */
    uint32_t avoidable_wait_ns;
} xenmon_row;

/* Page exchanges on one pCPU in one sample. Each is credited to the guest and once more to Dom0. */
typedef struct xenmon_io_row {
    uint32_t domain_slot;
    uint32_t pcpu;
    uint32_t map;
    uint32_t unmap;
    uint32_t transfer;
    uint32_t copy;
    uint64_t copy_bytes;
} xenmon_io_row;

/* What a domain as a whole did in one sample (since 1.4): see xenmon_domain. In ns; together they are that part of the
 * sample in which it lived. Every domain but the idle one has one row. */
typedef struct xenmon_domain_row {
    uint32_t domain_slot;
    uint32_t full_run_ns;
    uint32_t partial_run_ns;
    uint32_t full_contention_ns;
    uint32_t partial_contention_ns;
    uint32_t concurrency_hazard_ns;
    uint32_t blocked_ns;
    uint32_t unknown_ns;
} xenmon_domain_row;

/* A vCPU that ran while another one waited. */
typedef struct xenmon_runner {
    uint64_t domain_uid;
    uint32_t domid;
    uint32_t vcpu_id;
    uint64_t ns; /* how long it ran; 0 ends the list */
} xenmon_runner;

/* A long wait. The times of the runners are those on the pCPU where the vCPU finally ran and, if that is
 * another one, on pcpu_before, added up: runners and others_ns make (end_ns - start_ns) times the number of
 * these pCPUs, unless a flag says why not. The idle vCPU of a pCPU counts like any other. Domains are named
 * by domid and uid, because a slot may belong to another domain by the time it is read. */
typedef struct xenmon_wait {
    uint64_t seq;      /* this wait's number when it is whole, 0 while it is being written */
    uint64_t start_ns; /* when it became ready */
    uint64_t end_ns;   /* when it ran */
    uint64_t domain_uid;
    uint32_t domid;
    uint32_t vcpu_id;
    uint32_t pcpu;        /* where it ran then */
    uint32_t pcpu_before; /* where it ran last or was woken first; XENMON_NO_PCPU if neither is known */
    uint32_t kind;        /* XENMON_WAIT_WOKEN or XENMON_WAIT_PREEMPTED */
    uint32_t flags;
    xenmon_runner runners[XENMON_WAIT_RUNNERS]; /* the one that ran longest first */
    uint64_t others_ns;                         /* how long all other vCPUs ran, together */
} xenmon_wait;

/* Something that is true of the trace as a whole and that a reader of its figures must know. One sentence
 * in English, UTF-8, NUL-terminated. verdict.count only grows while the daemon lives; a verdict may be
 * replaced by a better one of the same kind. */
typedef struct xenmon_verdict {
    uint32_t kind; /* XENMON_VERDICT_*; a reader also shows the text of kinds that it does not know */
    uint32_t reserved;
    char text[XENMON_VERDICT_TEXT_BYTES];
} xenmon_verdict;

/* A count of a histogram that has passed 2^32 (since 1.3). There is an entry for each such bucket, in no order;
 * in nearly all regions there is none. */
typedef struct xenmon_carry {
    uint32_t vcpu_slot; /* XENMON_NO_SLOT: a free entry */
    uint32_t bucket;    /* position in xenmon_histograms: wake_wait from 0, preempt_wait from 464, run from 928 */
    uint64_t passed;    /* how often; the count is passed * 2^32 + the word in the histogram */
} xenmon_carry;

/* A setting, as it was when it was read last (since 1.4). They are in no order, and all of them are replaced
 * together. None is there if nothing is known, as of most recordings. A domid means the domain that has it now. */
typedef struct xenmon_setting {
    uint32_t kind; /* XENMON_SETTING_*; 0: a free entry */
    uint32_t domid;
    uint32_t index;
    uint32_t part; /* of a mask */
    uint64_t value;
} xenmon_setting;

/* The layout, field by field: docs/region.md has the same numbers. */
#define XENMON_AT(record, field, bytes) XENMON_STATIC_ASSERT(offsetof(record, field) == (bytes), "layout")
#define XENMON_SIZE(record, bytes) XENMON_STATIC_ASSERT(sizeof(record) == (bytes), "layout")

XENMON_AT(xenmon_table, offset, 0);
XENMON_AT(xenmon_table, stride, 8);
XENMON_AT(xenmon_table, capacity, 12);
XENMON_AT(xenmon_table, count, 16);
XENMON_AT(xenmon_table, reserved, 20);
XENMON_SIZE(xenmon_table, 24);

XENMON_AT(xenmon_counters, records, 0);
XENMON_AT(xenmon_counters, bytes, 8);
XENMON_AT(xenmon_counters, lost_records, 16);
XENMON_AT(xenmon_counters, bad_records, 24);
XENMON_AT(xenmon_counters, late_records, 32);
XENMON_AT(xenmon_counters, state_conflicts, 40);
XENMON_AT(xenmon_counters, conservation_violations, 48);
XENMON_AT(xenmon_counters, samples, 56);
XENMON_AT(xenmon_counters, wakeups, 64);
XENMON_AT(xenmon_counters, daemon_cpu_ns, 72);
XENMON_SIZE(xenmon_counters, 80);

XENMON_AT(xenmon_region_header, magic, 0);
XENMON_AT(xenmon_region_header, version_major, 8);
XENMON_AT(xenmon_region_header, version_minor, 12);
XENMON_AT(xenmon_region_header, header_bytes, 16);
XENMON_AT(xenmon_region_header, daemon_pid, 20);
XENMON_AT(xenmon_region_header, region_bytes, 24);
XENMON_AT(xenmon_region_header, generation, 32);
XENMON_AT(xenmon_region_header, daemon_start, 40);
XENMON_AT(xenmon_region_header, source_kind, 48);
XENMON_AT(xenmon_region_header, io_kinds, 52);
XENMON_AT(xenmon_region_header, cpu_khz, 56);
XENMON_AT(xenmon_region_header, event_mask, 60);
XENMON_AT(xenmon_region_header, sample_ns, 64);
XENMON_AT(xenmon_region_header, history_ns, 72);
XENMON_AT(xenmon_region_header, heartbeat_period_ns, 80);
XENMON_AT(xenmon_region_header, wall_epoch_ns, 88);
XENMON_AT(xenmon_region_header, source_text, 96);
XENMON_AT(xenmon_region_header, xen_version, 160);
XENMON_AT(xenmon_region_header, scheduler, 224);
XENMON_AT(xenmon_region_header, pcpu, 288);
XENMON_AT(xenmon_region_header, domain, 312);
XENMON_AT(xenmon_region_header, vcpu, 336);
XENMON_AT(xenmon_region_header, hist, 360);
XENMON_AT(xenmon_region_header, sample, 384);
XENMON_AT(xenmon_region_header, row, 408);
XENMON_AT(xenmon_region_header, io_row, 432);
XENMON_AT(xenmon_region_header, state, 456);
XENMON_AT(xenmon_region_header, flags, 464);
XENMON_AT(xenmon_region_header, heartbeat_ns, 472);
XENMON_AT(xenmon_region_header, newest_sample, 480);
XENMON_AT(xenmon_region_header, tables_seq, 488);
XENMON_AT(xenmon_region_header, counters, 496);
XENMON_AT(xenmon_region_header, wait, 576);
XENMON_AT(xenmon_region_header, slow_wait_ns, 600);
XENMON_AT(xenmon_region_header, newest_wait, 608);
XENMON_AT(xenmon_region_header, verdict, 616);
XENMON_AT(xenmon_region_header, bad_records_by, 640);
XENMON_AT(xenmon_region_header, source_faults, 704);
XENMON_AT(xenmon_region_header, carry, 736);
XENMON_AT(xenmon_region_header, domain_row, 760);
XENMON_AT(xenmon_region_header, setting, 784);
XENMON_SIZE(xenmon_region_header, 808);

XENMON_AT(xenmon_pcpu, seen, 0);
XENMON_AT(xenmon_pcpu, running_vcpu, 4);
XENMON_AT(xenmon_pcpu, records, 8);
XENMON_AT(xenmon_pcpu, lost_records, 16);
XENMON_SIZE(xenmon_pcpu, 24);

XENMON_AT(xenmon_domain, flags, 0);
XENMON_AT(xenmon_domain, domid, 4);
XENMON_AT(xenmon_domain, uid, 8);
XENMON_AT(xenmon_domain, born_ns, 16);
XENMON_AT(xenmon_domain, died_ns, 24);
XENMON_AT(xenmon_domain, name, 32);
XENMON_AT(xenmon_domain, io_map, 96);
XENMON_AT(xenmon_domain, io_unmap, 104);
XENMON_AT(xenmon_domain, io_transfer, 112);
XENMON_AT(xenmon_domain, io_copy, 120);
XENMON_AT(xenmon_domain, io_copy_bytes, 128);
XENMON_AT(xenmon_domain, full_run_ns, 136);
XENMON_AT(xenmon_domain, partial_run_ns, 144);
XENMON_AT(xenmon_domain, full_contention_ns, 152);
XENMON_AT(xenmon_domain, partial_contention_ns, 160);
XENMON_AT(xenmon_domain, concurrency_hazard_ns, 168);
XENMON_AT(xenmon_domain, blocked_ns, 176);
XENMON_AT(xenmon_domain, unknown_ns, 184);
XENMON_SIZE(xenmon_domain, 192);

XENMON_AT(xenmon_vcpu, flags, 0);
XENMON_AT(xenmon_vcpu, domain_slot, 4);
XENMON_AT(xenmon_vcpu, vcpu_id, 8);
XENMON_AT(xenmon_vcpu, state, 12);
XENMON_AT(xenmon_vcpu, last_pcpu, 16);
XENMON_AT(xenmon_vcpu, reserved, 20);
XENMON_AT(xenmon_vcpu, end_ns, 24);
XENMON_AT(xenmon_vcpu, running_ns, 32);
XENMON_AT(xenmon_vcpu, waited_wake_ns, 40);
XENMON_AT(xenmon_vcpu, waited_preempt_ns, 48);
XENMON_AT(xenmon_vcpu, blocked_ns, 56);
XENMON_AT(xenmon_vcpu, offline_ns, 64);
XENMON_AT(xenmon_vcpu, unknown_ns, 72);
XENMON_AT(xenmon_vcpu, executions, 80);
XENMON_AT(xenmon_vcpu, continues, 88);
XENMON_AT(xenmon_vcpu, slice_count, 96);
XENMON_AT(xenmon_vcpu, slice_sum_ns, 104);
XENMON_AT(xenmon_vcpu, slice_min_ns, 112);
XENMON_AT(xenmon_vcpu, slice_max_ns, 120);
XENMON_AT(xenmon_vcpu, wake_wait_max_ns, 128);
XENMON_AT(xenmon_vcpu, preempt_wait_max_ns, 136);
XENMON_AT(xenmon_vcpu, run_max_ns, 144);
XENMON_AT(xenmon_vcpu, hist_lines, 152);
XENMON_AT(xenmon_vcpu, reserved2, 164);
XENMON_AT(xenmon_vcpu, wake_wait_sum_ns, 168);
XENMON_AT(xenmon_vcpu, preempt_wait_sum_ns, 176);
XENMON_AT(xenmon_vcpu, run_sum_ns, 184);
XENMON_AT(xenmon_vcpu, migrations, 192);
XENMON_AT(xenmon_vcpu, avoidable_wait_ns, 200);
XENMON_SIZE(xenmon_vcpu, 208);

XENMON_AT(xenmon_histograms, wake_wait, 0);
XENMON_AT(xenmon_histograms, preempt_wait, 1856);
XENMON_AT(xenmon_histograms, run, 3712);
XENMON_SIZE(xenmon_histograms, 5568);

XENMON_AT(xenmon_sample, seq, 0);
XENMON_AT(xenmon_sample, start_ns, 8);
XENMON_AT(xenmon_sample, end_ns, 16);
XENMON_AT(xenmon_sample, first_row, 24);
XENMON_AT(xenmon_sample, first_io_row, 32);
XENMON_AT(xenmon_sample, row_count, 40);
XENMON_AT(xenmon_sample, io_row_count, 44);
XENMON_AT(xenmon_sample, lost_records, 48);
XENMON_AT(xenmon_sample, records, 56);
XENMON_AT(xenmon_sample, first_domain_row, 64);
XENMON_AT(xenmon_sample, domain_row_count, 72);
XENMON_AT(xenmon_sample, reserved, 76);
XENMON_SIZE(xenmon_sample, 80);

XENMON_AT(xenmon_row, vcpu_slot, 0);
XENMON_AT(xenmon_row, pcpu, 4);
XENMON_AT(xenmon_row, running_ns, 8);
XENMON_AT(xenmon_row, waited_wake_ns, 12);
XENMON_AT(xenmon_row, waited_preempt_ns, 16);
XENMON_AT(xenmon_row, blocked_ns, 20);
XENMON_AT(xenmon_row, offline_ns, 24);
XENMON_AT(xenmon_row, unknown_ns, 28);
XENMON_AT(xenmon_row, executions, 32);
XENMON_AT(xenmon_row, continues, 36);
XENMON_AT(xenmon_row, slice_count, 40);
XENMON_AT(xenmon_row, slice_min_ns, 44);
XENMON_AT(xenmon_row, slice_sum_ns, 48);
XENMON_AT(xenmon_row, slice_max_ns, 56);
XENMON_AT(xenmon_row, domain_slot, 60);
XENMON_AT(xenmon_row, migrations, 64);
XENMON_AT(xenmon_row, avoidable_wait_ns, 68);
XENMON_SIZE(xenmon_row, 72);

XENMON_AT(xenmon_io_row, domain_slot, 0);
XENMON_AT(xenmon_io_row, pcpu, 4);
XENMON_AT(xenmon_io_row, map, 8);
XENMON_AT(xenmon_io_row, unmap, 12);
XENMON_AT(xenmon_io_row, transfer, 16);
XENMON_AT(xenmon_io_row, copy, 20);
XENMON_AT(xenmon_io_row, copy_bytes, 24);
XENMON_SIZE(xenmon_io_row, 32);

XENMON_AT(xenmon_domain_row, domain_slot, 0);
XENMON_AT(xenmon_domain_row, full_run_ns, 4);
XENMON_AT(xenmon_domain_row, partial_run_ns, 8);
XENMON_AT(xenmon_domain_row, full_contention_ns, 12);
XENMON_AT(xenmon_domain_row, partial_contention_ns, 16);
XENMON_AT(xenmon_domain_row, concurrency_hazard_ns, 20);
XENMON_AT(xenmon_domain_row, blocked_ns, 24);
XENMON_AT(xenmon_domain_row, unknown_ns, 28);
XENMON_SIZE(xenmon_domain_row, 32);

XENMON_AT(xenmon_runner, domain_uid, 0);
XENMON_AT(xenmon_runner, domid, 8);
XENMON_AT(xenmon_runner, vcpu_id, 12);
XENMON_AT(xenmon_runner, ns, 16);
XENMON_SIZE(xenmon_runner, 24);

XENMON_AT(xenmon_wait, seq, 0);
XENMON_AT(xenmon_wait, start_ns, 8);
XENMON_AT(xenmon_wait, end_ns, 16);
XENMON_AT(xenmon_wait, domain_uid, 24);
XENMON_AT(xenmon_wait, domid, 32);
XENMON_AT(xenmon_wait, vcpu_id, 36);
XENMON_AT(xenmon_wait, pcpu, 40);
XENMON_AT(xenmon_wait, pcpu_before, 44);
XENMON_AT(xenmon_wait, kind, 48);
XENMON_AT(xenmon_wait, flags, 52);
XENMON_AT(xenmon_wait, runners, 56);
XENMON_AT(xenmon_wait, others_ns, 128);
XENMON_SIZE(xenmon_wait, 136);

XENMON_AT(xenmon_verdict, kind, 0);
XENMON_AT(xenmon_verdict, reserved, 4);
XENMON_AT(xenmon_verdict, text, 8);
XENMON_SIZE(xenmon_verdict, 128);

XENMON_AT(xenmon_carry, vcpu_slot, 0);
XENMON_AT(xenmon_carry, bucket, 4);
XENMON_AT(xenmon_carry, passed, 8);
XENMON_SIZE(xenmon_carry, 16);

XENMON_AT(xenmon_setting, kind, 0);
XENMON_AT(xenmon_setting, domid, 4);
XENMON_AT(xenmon_setting, index, 8);
XENMON_AT(xenmon_setting, part, 12);
XENMON_AT(xenmon_setting, value, 16);
XENMON_SIZE(xenmon_setting, 24);

#undef XENMON_AT
#undef XENMON_SIZE

/* The bucket that a duration belongs to. */
static inline uint32_t xenmon_hist_bucket(uint64_t ns)
{
    uint32_t bits;

    if (ns < (UINT64_C(1) << XENMON_HIST_FIRST_BITS))
        return (uint32_t)(ns >> (XENMON_HIST_FIRST_BITS - XENMON_HIST_SUB_BITS));
    bits = 63u ^ (uint32_t)__builtin_clzll(ns);
    if (bits >= XENMON_HIST_LAST_BITS)
        return XENMON_HIST_BUCKETS - 1u;
    /* The leading one stays with the bits after it and counts for an octave. */
    return ((bits - XENMON_HIST_FIRST_BITS) << XENMON_HIST_SUB_BITS) +
           (uint32_t)(ns >> (bits - XENMON_HIST_SUB_BITS));
}

/* The smallest duration in a bucket; a bucket ends where the next begins. */
static inline uint64_t xenmon_hist_lower(uint32_t bucket)
{
    uint32_t octave = bucket >> XENMON_HIST_SUB_BITS;
    uint64_t sub = bucket & ((1u << XENMON_HIST_SUB_BITS) - 1u);

    if (octave == 0)
        return sub << (XENMON_HIST_FIRST_BITS - XENMON_HIST_SUB_BITS);
    return ((UINT64_C(1) << XENMON_HIST_SUB_BITS) + sub)
           << (octave - 1u + XENMON_HIST_FIRST_BITS - XENMON_HIST_SUB_BITS);
}

#endif /* XENMON_REGION_H */
