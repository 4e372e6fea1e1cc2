Feature: A file of a spreadsheet registers many people at once
  Establishments send lists of their patients as their spreadsheet writes them. What is right is registered, what is not
  comes back with the reason, and sending a list again registers nobody twice.

  Background:
    Given the establishment CHB is enrolled

  Rule: The list may be written as Excel in France writes it

    Scenario Outline: Semicolons, French names of columns, French dates, and accents of Windows
      Given a list in <encoding> with the columns "Établissement", "IPP", "Nom de naissance", "Prénom", "Date de naissance", "Sexe"
      And a row "CHB", "1", "FICTIVÉ", "Zoé", "12/04/1980", "F"
      When the list is imported
      Then 1 person is registered
      And the last one is FICTIVÉ Zoé, born 1980-04-12

      Examples:
        | encoding     |
        | Windows-1252 |
        | UTF-8        |
        | UTF-16       |

  Rule: A refused row costs itself, and comes back to be corrected

    Scenario: A birth date that cannot be
      Given a list in UTF-8 with the columns "Établissement", "IPP", "Nom de naissance", "Prénom", "Date de naissance", "Sexe"
      And a row "CHB", "1", "FICTIVE", "Léa", "12/04/1980", "F"
      And a row "CHB", "2", "FICTIF", "Théo", "12/04/2961", "M"
      When the list is imported
      Then 1 person is registered
      And row 3 comes back for its column "Date de naissance", because "birth date is in the future"
      When the rows that came back are imported with "1961" for "2961"
      Then 1 person is registered
      And the last one is FICTIF Théo, born 1961-04-12

  Rule: Nobody is registered twice

    Scenario: The list is sent again
      Given a list in UTF-8 with the columns "Établissement", "IPP", "Nom de naissance", "Prénom", "Date de naissance", "Sexe"
      And a row "CHB", "1", "FICTIVE", "Léa", "12/04/1980", "F"
      And the list is imported
      When the list is imported
      Then 0 persons are registered

  Rule: A check writes nothing

    Scenario: The list is checked before it is imported
      Given a list in UTF-8 with the columns "Établissement", "IPP", "Nom de naissance", "Prénom", "Date de naissance", "Sexe"
      And a row "CHB", "1", "12345!!", "Léa", "12/04/1980", "F"
      And a row "CHB", "2", "FICTIF", "Théo", "02/01/2020", "M"
      When the list is checked
      Then row 2 comes back for its column "Nom de naissance", because "family has no letter"
      And 1 person would be registered
      And the ledger holds nobody

  Rule: A list that lacks a column is not begun

    Scenario: A list without birth dates
      Given a list in UTF-8 with the columns "Établissement", "IPP", "Nom de naissance", "Prénom", "Sexe"
      And a row "CHB", "1", "FICTIVE", "Léa", "F"
      When the list is imported
      Then it is sent back, for "the header lacks birth_date"
      And the ledger holds nobody
