"""The chain is computed by the database, as the owner: the application can choose neither a sequence nor a hash."""

from django.db import migrations

CHAIN = """
create function audit_chain() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
declare
    said jsonb := new.body::jsonb;
    head audit_head%rowtype;
begin
    if said->>'organization' is distinct from new.organization_id::text then
        raise exception 'The record speaks of another organization than the one it is written for.';
    end if;
    select * into head from audit_head where organization_id = new.organization_id for update;
    if not found then
        insert into audit_head (id, organization_id, created_at, sequence, hash)
        values (gen_random_uuid(), new.organization_id, now(), 0, repeat('0', 64))
        on conflict (organization_id) do nothing;
        select * into head from audit_head where organization_id = new.organization_id for update;
    end if;
    new.sequence := head.sequence + 1;
    new.previous := head.hash;
    new.hash := encode(sha256(convert_to(new.previous || E'\\n' || new.sequence || E'\\n' || new.body, 'UTF8')), 'hex');
    new.action := said->>'action';
    new.actor_id := (said->>'actor')::uuid;
    new.actor_label := said->>'actor_label';
    new.channel := said->>'channel';
    new.request_id := said->>'request';
    new.reason := said->>'reason';
    new.project_id := (said->>'project')::uuid;
    new.subject_type := said->'subject'->>'type';
    new.subject_id := said->'subject'->>'id';
    new.subject_label := said->'subject'->>'label';
    new.occurred_at := (said->>'at')::timestamptz;
    update audit_head set sequence = new.sequence, hash = new.hash where organization_id = new.organization_id;
    return new;
end $$;

create trigger audit_chain before insert on audit_record for each row execute function audit_chain();

create function audit_refuse() returns trigger language plpgsql as $$
begin
    raise exception 'The audit chain is append-only: % refused.', tg_op;
end $$;

create trigger audit_refuse before update or delete on audit_record for each row execute function audit_refuse();
create trigger audit_refuse before update or delete on audit_checkpoint for each row execute function audit_refuse();
revoke insert, update, delete, truncate on audit_head from {app};
"""


def chain(apps, schema_editor):
    from apps.core.isolation import application_role

    schema_editor.execute(CHAIN.replace("{app}", schema_editor.quote_name(application_role())), params=None)


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_initial")]
    operations = [migrations.RunPython(chain, migrations.RunPython.noop)]
