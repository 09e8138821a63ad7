"""The desk: a child of the wizard that answers its questions, so that no cloud library runs beside the screens.

One JSON object a line. A question on standard input, its answer on standard output, as soon as it is known and in any
order; many may be open at once:

    {"id": 7, "ask": "sizes", "with": {"location": "westeurope"}}
    {"id": 7, "answer": [...]}
    {"id": 7, "error": {"kind": "UnreachableError", "what": "...", "why": "...", "remedy": "..."}}
    {"cancel": 7}                               the question is not open any more; its answer never comes

`kind` is a class of `wizard.errors`; AzureError has `code` and `status` too, and an error with many problems lists
them in `problems`. The desk tells by itself, on standard output:

    {"tell": "ready"}                           the cloud libraries are loaded (about 1 s after the start)
    {"tell": "starting", "cloud": "sandbox"}    a cloud that did not run is being started for a question
    {"tell": "started", "cloud": "sandbox", "seconds": 1.2}
    {"tell": "device_code", "id": 9, "url": "...", "code": "ABCD-EFGH", "expires_utc": "..."}   of sign_in number 9
    {"tell": "browser", "id": 9}                a browser page was opened for sign_in number 9

The desk ends when standard input ends. Secrets travel on these pipes alone.

Below, a `plan` is nested values as plan.toml has them (`{"name": ..., "machines": {"count": 2}}`) or values by dotted
key (`{"machines.count": 2}`); keys left out have their defaults. A problem is `{field, what, why, remedy, severity}`,
`severity` being error or warning and `field` a dotted key or "". Arguments with `?` may be left out. `cloud?` is the
cloud signed in to last (sandbox before that), `subscription?` the one chosen for it.

Who and where

    terms(cloud)  -> {billed}               `billed`: what is made there costs money
    clouds()  -> [{name, label, signed_in, how, account, preselected, running, methods}]
        `signed_in`: a sign-in was found (no token is asked for); `how`: "own", "azure-cli", "environment",
        "session" (sign_in was asked) or ""; `account`: whose, or ""; one entry is `preselected`; `running`: true or
        false for a cloud that can be started, else null; `methods`: the names for `sign_in`, the found one first
    sign_in(cloud, method?, tenant?, client_id?, client_secret?, subscription?)
              -> {cloud, method, label, account, tenant, subscription, subscriptions}
        method: own (the cloud's own principal), environment, azure-cli, browser, device-code, service-principal
        (tenant, client_id, client_secret), managed-identity (client_id?); left out: what `credential` finds.
        `subscription` is the one chosen, or null where `subscriptions` (as below) leaves the choice open
    subscriptions(cloud?)  -> [{id, name, state, tenant, chosen}]
    choose(cloud?, subscription)  -> {cloud, subscription}      the default of `subscription?` from now on
    handover(cloud?)  -> {...} or null      what `secrets["sign_in"]` of wizard.runs.start takes; null: a run finds
                                            the sign-in by itself. It holds secrets: never show, keep or log it
    my_address(cloud?)  -> {range, why}     "203.0.113.7/32" or null, and the reason in words

What there is

    groups(cloud?, subscription?)             -> [{name, location, state, deployment}]      deployment: our tag, or ""
    regions(cloud?, subscription?)            -> [{name, label, geography, recommended}]    recommended ones first
    sizes(location, cloud?, subscription?)    -> [{name, vcpus, memory_gib, family, architecture, premium_disks,
                                                   zones, data_disks, encryption_at_host, available, why, vcpus_left}]
        `zones`: those that this subscription can have it in; `data_disks`: how many it takes, null when not told
        `why` says why it is not available; `vcpus_left`: of its family (or of all) in the region, null when not told
    images(location, os?, cloud?, subscription?)  -> [{name, label, os, urn, version, available, why}]
    fault_domains(location, cloud?, subscription?) -> {most}        a number, null when the region does not tell

Prices, of which the cloud's public list tells; nobody is signed in for them

    size_prices(location, cloud?, os?)  -> {monthly, why}
        monthly: {size: dollars a month for one machine}, as far as listed; `why` there are none or some are old, or ""
    cost(plan)  -> {currency, region, billed, hourly, monthly, complete, without_price, asked, since, stale, why,
                    headline, notes, lines}
        hourly, monthly: {from, to} in dollars, or null when nothing has a price; `headline` is half a line, `notes`
        [text]. lines: [{what, quantity, unit, unit_price, monthly, by_use, after, why, words}]; `words`: the same as
        text, {count, price, monthly}. By use there is no quantity

Plans

    plan_problems(plan)      -> [problem]
    blueprint(plan, bodies?) -> [{id, type, name, after}]       `after`: ids; with `bodies` also `body` (no secrets)
    preflight(plan, subscription?)  -> {ready, problems, seconds}
    outlook(plan, subscription?)    -> {ready, complete, problems, resources, new_vms, needs_password}
        resources: [{id, type, name, state, after, differences}], state: absent, leaving (both: would be created), same,
        differs, broken (both: would be changed), busy; fixed (cannot be changed in place), foreign (somebody else's);
        differences: [text]. Not `ready` with fixed or foreign ones, nor with preflight's errors: then without resources
    save_plan(plan, path, overwrite?)  -> {path}                InputError when it exists and `overwrite` is not true
    load_plan(path)          -> {path, plan, problems}          faulty keys are missing in `plan`
    default_plan(cloud?, os?)  -> {plan}                        nested, every key

Keys and passwords

    keys()                   -> [{name, path, public, type, fingerprint, comment, ours, private, problem}]
        `private`: the private half's path or ""; `problem`: "" or why Azure would not take it
    generate_key()           -> the same of the pair in HOME/keys; made when missing
    generate_password(os?)   -> {password}

Deployments

    deployments(states?)     -> [{name, cloud, subscription, location, prefix, count, created, last, credentials, state,
                                  why, run}]
        credentials: {vm: {user, created_with, changed_at}}; `state` deployed, partial, absent or unknown (then `why`
        says more); without `states` it is unknown and nothing is asked. No cloud is started for it.
        run: {id, kind} of the run that is under way, or null
    status(name?)            -> {name, cloud, subscription, created, state, resources, http, ssh, rdp, credentials,
                                 plan}
        resources: [{id, type, state}]; state is ARM's, Absent or NotOurs
    scale_outlook(name, count)  -> {name, from, to, ready, complete, problems, created, changed, deleted, new_vms,
                                    leaving_vms, needs_password}
        created, changed, deleted: [{id, type, name}]; the last three: [VM]. When not `ready`, all of them are empty
    reset_outlook(name, vms, mode, user?, replace_keys?)  -> {warnings, users}
        warnings: [text], what changes beside what was asked for; users: {vm: [user]}, given a login and not removed
    forget(name)             -> {name}      what this computer remembers, not what is in Azure
"""
