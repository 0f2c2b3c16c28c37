"""The database refuses a deployment that was not approved, or is carried out by who signed it, whoever writes the row."""

from django.db import migrations

TRIGGER = """
create function deployments_segregation() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare
    place record;
begin
    select e.model_id, n.is_production into place
    from deployments_endpoint e join deployments_environment n on n.id = e.environment_id where e.id = new.endpoint_id;
    if not exists (select 1 from models_modelversion v where v.id = new.version_id and v.model_id = place.model_id) then
        raise exception 'The version belongs to another model than the endpoint.' using errcode = 'check_violation';
    end if;
    if new.state <> 'live' or new.rollback_of_id is not null then
        return new;
    end if;
    if place.is_production
       and not exists (select 1 from approvals_request r where r.id = new.request_id and r.state = 'approved') then
        raise exception 'A deployment to production needs its approval.' using errcode = 'check_violation';
    end if;
    if exists (
        select 1 from approvals_signature s
        where s.request_id = new.request_id and new.deployed_by_id in (s.user_id, s.on_behalf_of_id)
    ) then
        raise exception 'Who signed for a deployment may not carry it out.' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger deployments_segregation before insert or update on deployments_deployment
    for each row execute function deployments_segregation();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("deployments", "0002_door"),
        ("approvals", "0003_segregation"),
        ("models", "0001_initial"),
    ]
    operations = [
        migrations.RunSQL(
            TRIGGER,
            "drop trigger deployments_segregation on deployments_deployment; drop function deployments_segregation();",
        )
    ]
