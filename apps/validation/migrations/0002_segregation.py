"""The database holds what the policies say: locked plans do not change, developers do not examine their own work."""

from django.db import migrations

from apps.core.isolation import application_role

DEVELOPERS = """
create function validation_made(version uuid, person uuid) returns boolean language sql stable
    set search_path = public, pg_temp as $$
    select exists (
        select 1 from models_modelversion v
        join models_artifact a on a.id = v.artifact_id
        left join models_trainingrun r on r.id = v.run_id
        where v.id = version and person in (v.registered_by_id, a.added_by_id, r.started_by_id)
    )
$$;
"""

PLAN = """
create function validation_plan_guard() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if tg_op = 'UPDATE' and old.locked_at is not null and
        (to_jsonb(new) - 'state') is distinct from (to_jsonb(old) - 'state') then
        raise exception 'A locked plan does not change.' using errcode = 'check_violation';
    end if;
    if tg_op = 'UPDATE' and old.state <> 'draft' and new.state = 'draft' then
        raise exception 'A locked plan does not become a draft again.' using errcode = 'check_violation';
    end if;
    if new.locked_by_id is not null and validation_made(new.version_id, new.locked_by_id) then
        raise exception 'Who made a version does not lock its plan.' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger validation_plan_guard before insert or update on validation_plan
    for each row execute function validation_plan_guard();

create function validation_line_guard() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare wanted uuid := case when tg_op = 'DELETE' then old.plan_id else new.plan_id end;
begin
    if exists (select 1 from validation_plan p where p.id = wanted and p.state <> 'draft') then
        raise exception 'The checks of a plan that is not a draft do not change.' using errcode = 'check_violation';
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end $$;
create trigger validation_line_guard before insert or update or delete on validation_plancheck
    for each row execute function validation_line_guard();
"""

RUN = """
create function validation_run_guard() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if tg_op = 'INSERT' and not exists (
        select 1 from validation_plan p
        where p.id = new.plan_id and p.state = 'locked' and p.version_id = new.version_id
    ) then
        raise exception 'Only a locked plan of this version is run.' using errcode = 'check_violation';
    end if;
    if validation_made(new.version_id, new.started_by_id) then
        raise exception 'Who made a version does not validate it.' using errcode = 'check_violation';
    end if;
    if new.concluded_by_id is not null and validation_made(new.version_id, new.concluded_by_id) then
        raise exception 'Who made a version does not conclude on it.' using errcode = 'check_violation';
    end if;
    if tg_op = 'UPDATE' and old.outcome <> '' and
        (new.outcome, new.statement, new.conditions, new.verdict, new.concluded_by_id, new.concluded_at) is distinct from
        (old.outcome, old.statement, old.conditions, old.verdict, old.concluded_by_id, old.concluded_at) then
        raise exception 'A conclusion does not change.' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger validation_run_guard before insert or update on validation_validationrun
    for each row execute function validation_run_guard();

create function validation_result_guard() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if not exists (
        select 1 from validation_validationrun r join validation_plancheck c on c.plan_id = r.plan_id
        where r.id = new.run_id and r.state = 'running' and c.id = new.check_line_id and c.name = new.name
            and c.fail is not distinct from new.fail and c.warn is not distinct from new.warn
    ) then
        raise exception 'A result belongs to a running run and to a line of its plan, with its thresholds.'
            using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger validation_result_guard before insert on validation_checkresult
    for each row execute function validation_result_guard();
"""

FINDING = """
create function validation_finding_guard() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if new.closed_by_id is not null and validation_made(new.version_id, new.closed_by_id) then
        raise exception 'Who made a version does not close its findings.' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger validation_finding_guard before insert or update on validation_finding
    for each row execute function validation_finding_guard();

create function validation_waiver_guard() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if new.state = 'granted' and not exists (
        select 1 from approvals_request q where q.id = new.request_id and q.kind = 'waiver' and q.state = 'approved'
    ) then
        raise exception 'A waiver is granted by its approval.' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger validation_waiver_guard before insert or update on validation_waiver
    for each row execute function validation_waiver_guard();
"""

DROP = """
drop trigger validation_waiver_guard on validation_waiver;
drop trigger validation_finding_guard on validation_finding;
drop trigger validation_result_guard on validation_checkresult;
drop trigger validation_run_guard on validation_validationrun;
drop trigger validation_line_guard on validation_plancheck;
drop trigger validation_plan_guard on validation_plan;
drop function validation_waiver_guard();
drop function validation_finding_guard();
drop function validation_result_guard();
drop function validation_run_guard();
drop function validation_line_guard();
drop function validation_plan_guard();
drop function validation_made(uuid, uuid);
"""


class Migration(migrations.Migration):
    dependencies = [("validation", "0001_initial"), ("models", "0001_initial"), ("approvals", "0003_segregation")]
    operations = [
        migrations.RunSQL(
            [
                DEVELOPERS,
                # Trigger functions run as who writes the row, and so does what they call.
                f'grant execute on function validation_made(uuid, uuid) to "{application_role()}"',
                PLAN,
                RUN,
                FINDING,
            ],
            DROP,
        )
    ]
