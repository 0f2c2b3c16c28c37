"""A version stays what it was registered as, and nobody validates what they made, whoever writes the row."""

from django.db import migrations

TRIGGER = """
create function models_version_guard() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if (new.model_id, new.number, new.artifact_id, new.signature, new.registered_by_id)
            is distinct from (old.model_id, old.number, old.artifact_id, old.signature, old.registered_by_id)
        or new.run_id is distinct from old.run_id or new.dataset_version_id is distinct from old.dataset_version_id then
        raise exception 'A registered version cannot be changed; register a new one.' using errcode = 'check_violation';
    end if;
    if new.validated_by_id is not null and new.validated_by_id is distinct from old.validated_by_id and exists (
        select 1 from organizations_user u
        where u.id = new.validated_by_id and u.kind <> 'system' and (
            u.id = new.registered_by_id
            or u.id = (select added_by_id from models_artifact where id = new.artifact_id)
            or u.id = (select started_by_id from models_trainingrun where id = new.run_id)
        )
    ) then
        raise exception 'Who made a version may not validate it.' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger models_version_guard before update on models_modelversion
    for each row execute function models_version_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0001_initial")]
    operations = [
        migrations.RunSQL(
            TRIGGER, "drop trigger models_version_guard on models_modelversion; drop function models_version_guard();"
        )
    ]
