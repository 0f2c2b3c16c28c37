"""The database refuses to change or remove the content of a version once it has been read, whoever writes the row."""

from django.db import migrations

TRIGGER = """
create function datasets_immutable() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if old.sha256 = '' then
        if tg_op = 'DELETE' then return old; end if;
        return new;
    end if;
    if tg_op = 'DELETE' then
        raise exception 'A dataset version that has been read is kept.' using errcode = 'check_violation';
    end if;
    if (old.dataset_id, old.number, old.origin, old.parent_id, old.source_id, old.raw_file, old.raw_sha256, old.raw_size,
        old.format, old.options, old.reading, old.file, old.sha256, old.size, old.rows, old.schema, old.profile)
       is distinct from
       (new.dataset_id, new.number, new.origin, new.parent_id, new.source_id, new.raw_file, new.raw_sha256, new.raw_size,
        new.format, new.options, new.reading, new.file, new.sha256, new.size, new.rows, new.schema, new.profile) then
        raise exception 'The content of a dataset version never changes.' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger datasets_immutable before update or delete on datasets_datasetversion
    for each row execute function datasets_immutable();
"""


class Migration(migrations.Migration):
    dependencies = [("datasets", "0001_initial")]
    operations = [
        migrations.RunSQL(
            TRIGGER,
            "drop trigger datasets_immutable on datasets_datasetversion; drop function datasets_immutable();",
        )
    ]
